"""Lost submissions: each upstream is asked in the way that it offers, and nothing is bought twice."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from schemas.lifecycle import Parked, Spend, State
from tasks_service import failpoints
from tasks_service.failpoints import Injected

ARK, KLING = "doubao-seedance-1-0-pro-250528", "kling-v1-6"
LOST = ["html_502_after", "lost_after", "no_id"]  # the failpoint matrix has all of them


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


def once(act):
    """Fires one time only, and says whether it did."""
    fired = []

    async def first(point: str) -> None:
        if not fired:
            fired.append(point)
            await act()

    return first, fired


async def notes(world, task) -> list[str]:
    return [note["reason"] for note in await world.ledger.history.notes(task.id)]


@pytest.mark.parametrize("mischief", LOST)
async def test_a_lost_answer_is_found_by_our_reference(world, mischief):
    task = await world.accepts(KLING, script=f"create={mischief}")
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 1)
    assert ("queued", "found_again") in await world.causes(task)
    assert len(await world.calls(task, "submit")) == 1
    assert await world.creations(task) == 1


@pytest.mark.parametrize("mischief", LOST)
async def test_a_lost_answer_is_found_in_a_list(world, mischief):
    task = await world.accepts(ARK, script=f"create={mischief}")
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 1)
    assert len(await world.calls(task, "submit")) == 1
    assert await world.creations(task) == 1
    [looked] = await world.calls(task, "lookup")
    assert looked["body"] is None, "a list tells of other customers' tasks"


@pytest.mark.parametrize("model", [ARK, KLING])
async def test_what_is_not_shown_at_once_is_found_later(world, model):
    task = await world.accepts(model, script="create=lost_after lookup=hidden lookup_times=2")
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)
    looked = await world.calls(task, "lookup")
    assert sum(call["repeats"] + 1 for call in looked) >= 3


@pytest.mark.parametrize(
    ("model", "trouble"),
    [(ARK, "500"), (ARK, "lost"), *((KLING, trouble) for trouble in ("500", "garbage", "hang", "lost"))],
)
async def test_trouble_with_a_look_up_proves_nothing(world, model, trouble):
    task = await world.accepts(model, script=f"create=lost_after lookup={trouble} lookup_times=2")
    # Nobody waits for the first answer any more, so that a "no" would be believed at once.
    hasty = {"lease_s": 0.5, "submit_timeout_s": 0.5, "call_timeout_s": 1 if trouble == "hang" else 5}
    async with world.working(absent_after_s=0.01, **hasty):
        ended = await world.until(task)

    assert ended.state is State.DOWNLOADED
    assert "never_arrived" not in await notes(world, task)
    assert await world.creations(task) == 1


async def test_an_upstream_that_cannot_be_reached_says_nothing_about_what_it_made(world):
    task = await world.accepts(KLING, script="create=lost_after")
    async with world.working(lease_s=0.5, submit_timeout_s=0.5, park_unknown_after_s=60):
        await world.created(task)
        while (await world.task(task.id)).spend is not Spend.UNKNOWN:  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)
    before = await world.task(task.id)
    nobody_there = tuple(
        route.model_copy(update={"base_url": "http://127.0.0.1:9"}) for route in world.settings.routes
    )
    async with world.working(routes=nobody_there, absent_after_s=0.01, lease_s=0.5, submit_timeout_s=0.5):
        await asyncio.sleep(3)
        known = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    assert (known.spend, known.attempt) == (Spend.UNKNOWN, before.attempt)
    assert "never_arrived" not in await notes(world, task)
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


async def test_a_clear_no_after_long_enough_lets_the_next_attempt_go(world):
    task = await world.accepts(KLING, script="create=lost_before create_times=1")
    async with world.working(absent_after_s=0.5, lease_s=1, submit_timeout_s=1):
        ended = await world.until(task)

    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 2)
    assert "never_arrived" in await notes(world, task)
    assert await world.creations(task) == 1


async def test_a_clear_no_that_comes_too_early_proves_nothing(world):
    task = await world.accepts(KLING, script="create=lost_before create_times=1")
    async with world.working(absent_after_s=600, park_unknown_after_s=2):
        waiting = await world.until(task, parked=True)

    assert (waiting.parked, waiting.spend, waiting.attempt) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN, 1)
    assert await world.creations(task) == 0


async def test_not_being_in_a_list_proves_nothing_ever(world):
    task = await world.accepts(ARK, script="create=lost_before")
    async with world.working(absent_after_s=0.01, park_unknown_after_s=1):
        waiting = await world.until(task, parked=True)
        await asyncio.sleep(2)
        later = await world.task(task.id)

    assert (waiting.parked, later.spend, later.attempt) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN, 1)
    assert await world.creations(task) == 0


@pytest.mark.parametrize("model", [ARK, KLING])
async def test_a_parked_submission_that_is_found_late_goes_on(world, model):
    task = await world.accepts(model, script="create=lost_after lookup=hidden lookup_times=3")
    async with world.working(park_unknown_after_s=0.2, parked_wait_s=0.3):
        parked = await world.until(task, parked=True)
        ended = await world.until(task)

    assert parked.parked is Parked.OUTCOME_UNKNOWN
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)
    assert await world.creations(task) == 1


@pytest.fixture
def looked_up_late(world):
    """Says that an upstream was asked after nobody could be waiting for an answer, and what came of it is written."""
    answered = asyncio.Event()

    def arm(answer_by) -> asyncio.Event:
        asked: list[str] = []

        async def ask(point: str) -> None:
            if datetime.now(UTC) > answer_by + timedelta(seconds=0.5):
                asked.append(point)

        async def settled(point: str) -> None:
            if asked:
                answered.set()

        failpoints.arm("lookup.before_ask", ask)
        failpoints.arm("lookup.settled", settled)
        return answered

    return arm


@pytest.mark.parametrize("changed", ["credential", "base_url"])
async def test_another_account_or_another_place_may_know_nothing(world, looked_up_late, changed):
    task = await world.accepts(KLING, script="create=lost_before create_times=1")
    async with world.working(lease_s=1, submit_timeout_s=1, absent_after_s=600, park_unknown_after_s=0.1):
        await world.until(task, parked=True)
    [attempt] = await world.ledger.spends.attempts(task)
    other = {
        "credential": lambda route: type(route.credential)("studio|" + "studio-key-0123456789"),
        "base_url": lambda route: route.base_url.replace("127.0.0.1", "localhost"),
    }[changed]
    routes = tuple(route.model_copy(update={changed: other(route)}) for route in world.settings.routes)
    answered = looked_up_late(attempt.answer_by)
    async with world.working(absent_after_s=0.01, routes=routes, parked_wait_s=0.2), asyncio.timeout(50):
        await answered.wait()

    now = await world.task(task.id)
    assert (now.spend, now.attempt) == (Spend.UNKNOWN, 1)
    assert 404 in [call["status"] for call in await world.calls(task, "lookup")]
    assert "never_arrived" not in await notes(world, task)


@pytest.mark.parametrize(
    ("model", "point"),
    [
        ("sora-2", "submit.intent_committed"),
        ("sora-2", "submit.connected"),
        (KLING, "submit.covered"),
        ("sandbox-image-1-fast", "submit.connected"),
    ],
)
async def test_a_worker_that_was_paused_too_long_does_not_send_any_more(world, model, point):
    task = await world.accepts(model)
    act, fired = once(lambda: asyncio.sleep(2.5))
    failpoints.arm(point, act)
    async with world.working(lease_s=1, submit_timeout_s=5):
        await asyncio.sleep(2.2)
        assert await world.creations(task) <= (model == "sandbox-image-1-fast")
        await world.until(task, parked=True)

    ended = await world.task(task.id)
    assert fired
    assert await world.creations(task) == (0 if ended.parked else 1)
    troubles = [call["trouble"] for call in await world.calls(task, "submit")]
    assert "TooLate" in troubles


@pytest.mark.parametrize("committed", [True, False])
async def test_an_intention_that_may_not_be_on_record_is_not_sent(world, committed, monkeypatch):
    from tasks_service.ledger.spend import Spends

    task = await world.accepts("sora-2")
    intend, tries = Spends.intend, []

    async def torn(self, *arguments):
        tries.append(arguments)
        if len(tries) > 1:
            return await intend(self, *arguments)
        if committed:
            await intend(self, *arguments)
        raise Injected("the line broke around the commit")

    monkeypatch.setattr(Spends, "intend", torn)
    async with world.working(lease_s=1):
        ended = await world.until(task)

    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)
    assert [attempt.outcome for attempt in await world.ledger.spends.attempts(task)] == (
        [Spend.NOT_CREATED, Spend.CONFIRMED] if committed else [Spend.CONFIRMED]
    )
    assert await world.creations(task) == 1


async def test_a_worker_stopped_before_the_line_stands_has_sent_nothing(world):
    task = await world.accepts("sora-2")
    act, fired = once(lambda: asyncio.sleep(60))
    failpoints.arm("submit.connected", act)
    async with world.working(lease_s=30, stop_wait_s=0.1):
        await world.created(task, sent=True)
        await asyncio.sleep(0.5)
    known = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    assert fired
    assert known.spend is Spend.NOT_CREATED
    assert (ended.state, ended.attempt, await world.creations(task)) == (State.DOWNLOADED, 2, 1)
