"""What cannot go on because of us is shown to a person, and goes on when we are mended."""

import asyncio
from datetime import timedelta

import pytest
from structlog.contextvars import get_contextvars

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, Spend, State
from tasks_service import failpoints
from tasks_service.artifacts import StoreAway
from tasks_service.failpoints import Injected
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.history import History
from tasks_service.ledger.spend import Intention
from workers import result_life
from workers.guard import RestoreGuard

from .conftest import OVER
from .time_flies import parked_because, time_flies

AT_ONCE = timedelta(0)


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


@pytest.fixture
def breaks():
    """Makes our own code trip over one task at a failpoint."""

    def arm(point: str, task) -> list[str]:
        fired: list[str] = []

        async def trip(name: str) -> None:
            if get_contextvars().get("task_id") == str(task.id):
                fired.append(name)
                raise RuntimeError("a mistake of ours, about sk-secret-0123456789")

        failpoints.arm(point, trip)
        return fired

    return arm


async def tripped(fired: list[str], times: int) -> None:
    async with asyncio.timeout(60):
        while len(fired) < times:  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("point", "state", "why"),
    [
        ("submit.claimed", State.SUBMITTED, Parked.STALLED),
        ("poll.before_look", State.RUNNING, Parked.STALLED),
        ("download.before_look", State.DONE, Parked.ARTIFACT_AT_RISK),
    ],
)
async def test_a_task_on_which_our_own_step_breaks_is_shown_to_a_person_and_others_go_on(
    world, breaks, point, state, why
):
    task, other = await world.accepts(), await world.accepts()
    fired = breaks(point, task)
    async with world.working(stalled_after_s=0.3), time_flies(world, task):
        parked = await world.until(task, parked=True)
        await world.until(other, State.DOWNLOADED)
        failpoints.disarm()
        ended = await world.until(task)

    assert fired

    assert (parked.state, parked.parked) == (state, why)
    [words] = await parked_because(world, task)
    assert point.partition(".")[0] in words
    assert "RuntimeError" in words
    assert "sk-secret" not in words
    assert (ended.state, ended.parked, await world.creations(task)) == (State.DOWNLOADED, None, 1)


async def test_between_two_tries_of_what_breaks_there_is_a_pause(world, breaks):
    task = await world.accepts()
    breaks("submit.claimed", task)
    async with world.working(), asyncio.timeout(50):
        while (await seconds_until_due(world, task)) < 30:  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)


async def seconds_until_due(world, task) -> float:
    run = world.ledger._database._executor.fetchval
    return await run("SELECT extract(epoch FROM due_at - now())::float FROM task WHERE id = $1", task.id)


@pytest.mark.parametrize("point", ["submit.connected", "submit.answered"])
async def test_where_we_break_around_a_paid_request_what_is_known_of_it_is_not_lost(world, breaks, point):
    task = await world.accepts("sora-2")
    fired = breaks(point, task)
    async with world.working():
        await tripped(fired, 1)
        failpoints.disarm()
        ended = await world.until(task, parked=True)

    attempts = [attempt.outcome for attempt in await world.ledger.spends.attempts(task)]
    assert await world.creations(task) == 1
    if point == "submit.connected":
        assert (ended.state, attempts) == (State.DOWNLOADED, [Spend.NOT_CREATED, Spend.CONFIRMED])
    else:
        assert (ended.state, attempts) == (State.DOWNLOADED, [Spend.CONFIRMED])


async def test_what_breaks_for_too_long_ends_and_its_late_success_is_recorded(world, breaks):
    task = await world.accepts(script="run=1")
    fired = breaks("poll.before_look", task)
    hasty = {"hard_limit_s": 0.2, "stalled_after_s": 0.1, "late_wait_s": 0.3}
    async with world.working(**hasty), time_flies(world, task):
        ended = await world.until(task, State.FAILED)
        async with asyncio.timeout(15):
            while "late_success" not in await reasons(world, task):  # noqa: ASYNC110 - a worker does it
                await asyncio.sleep(0.1)

    assert fired
    assert ended.failure.kind is FailureKind.TIMED_OUT
    assert "breaks on this task" in ended.failure.message
    assert len(await world.ledger.history.artifacts(task.id)) == 1


async def test_what_may_have_been_paid_is_never_given_up_though_we_break_on_it(world, breaks):
    task = await world.accepts("kling-v1-6", script="create=lost_after")
    fired = breaks("lookup.before_ask", task)
    async with world.working(hard_limit_s=0.2, stalled_after_s=0.1), time_flies(world, task):
        parked = await world.until(task, parked=True)
        await tripped(fired, 3)
        still = await world.task(task.id)
        failpoints.disarm()
        found = await world.until(task, State.QUEUED, *OVER)

    assert still.state is State.SUBMITTED

    assert (parked.state, parked.parked, parked.spend) == (
        State.SUBMITTED,
        Parked.OUTCOME_UNKNOWN,
        Spend.UNKNOWN,
    )
    assert (found.spend, await world.creations(task)) == (Spend.CONFIRMED, 1)


async def reasons(world, task) -> list[str]:
    return [note["reason"] for note in await world.ledger.history.notes(task.id)]


async def test_one_accident_after_a_long_life_does_not_end_a_task(world, breaks):
    task = await world.accepts()
    fired = breaks("submit.claimed", task)
    async with world.working(hard_limit_s=0.1, stalled_after_s=1), time_flies(world, task):
        await tripped(fired, 1)
        failpoints.disarm()
        async with asyncio.timeout(50):
            while (await world.task(task.id)).state is State.SUBMITTED:  # noqa: ASYNC110 - a worker does it
                await asyncio.sleep(0.05)

    assert await world.creations(task) == 1


async def test_what_never_gets_as_far_as_leaving_us_is_shown(world):
    async def broken(point: str) -> None:
        raise Injected("the store does not answer")

    task = await world.accepts("sora-2")
    failpoints.arm("submit.covered", broken)
    async with world.working(stalled_after_s=0.5), time_flies(world, task):
        parked = await world.until(task, parked=True)
        failpoints.disarm()
        ended = await world.until(task)

    assert (parked.parked, parked.spend) == (Parked.STALLED, Spend.NOT_CREATED)
    assert (ended.state, ended.parked, await world.creations(task)) == (State.DOWNLOADED, None, 1)


async def test_a_store_that_stays_away_is_shown(world, monkeypatch):
    async def away(self) -> None:
        raise StoreAway("Timeout")

    task, cover = await world.accepts("sora-2"), RestoreGuard.cover
    monkeypatch.setattr(RestoreGuard, "cover", away)
    async with world.working(stalled_after_s=0.5):
        parked = await world.until(task, parked=True)
        monkeypatch.setattr(RestoreGuard, "cover", cover)
        ended = await world.until(task)

    assert (parked.parked, parked.spend, parked.attempt) == (Parked.STALLED, Spend.NONE, 0)
    assert await parked_because(world, task) == ["our store is away, so nothing is sent"]
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


async def test_of_what_a_dead_worker_may_have_sent_a_person_can_decide_though_our_store_is_away(
    world, monkeypatch
):
    async def away(self) -> None:
        raise StoreAway("Timeout")

    task = await world.accepts()
    [claimed] = await world.ledger.tasks.claim([State.SUBMITTED], 1, AT_ONCE, whole=True)
    assert await world.ledger.spends.intend(claimed, Intention(AT_ONCE))
    monkeypatch.setattr(RestoreGuard, "cover", away)
    async with world.working(stalled_after_s=0.1):
        parked = await world.until(task, parked=True)

    assert (parked.parked, parked.spend) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN)
    assert await world.ledger.decisions.not_created(parked, Said("person:test", "the console shows nothing"))


async def test_evidence_that_cannot_be_written_does_not_hide_the_outcome(world, monkeypatch):
    task, record = await world.accepts("sora-2"), History.record

    async def breaks_on_evidence(self, task_id, calls, **options):
        # Of the paid request only: a look that breaks would let the task wait for a minute.
        if any(call.purpose == "submit" for call in calls):
            raise ValueError("our scribe made something that cannot be kept")
        await record(self, task_id, calls, **options)

    monkeypatch.setattr(History, "record", breaks_on_evidence)
    async with world.working():
        found = await world.until(task, State.QUEUED, State.RUNNING)
        ended = await world.until(task)

    assert found.spend is Spend.CONFIRMED
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


async def test_a_disk_of_ours_that_takes_nothing_is_shown_before_the_link_dies(world, monkeypatch):
    monkeypatch.setattr(result_life, "_AT_RISK_AFTER_S", 1)
    incoming = world.settings.data_folder / "incoming"
    incoming.write_text("not a folder")
    task = await world.accepts()
    async with world.working(parked_wait_s=0.3):
        parked = await world.until(task, parked=True)
        incoming.unlink()
        ended = await world.until(task)

    assert (parked.state, parked.parked) == (State.DONE, Parked.ARTIFACT_AT_RISK)
    assert "our disk" in str(await parked_because(world, task))
    assert ended.state is State.DOWNLOADED


async def test_a_task_that_this_release_cannot_read_is_shown_after_an_hour(world):
    task = await world.accepts()
    run = world.ledger._database._executor.execute
    await run(
        "ALTER TABLE task DISABLE TRIGGER USER; UPDATE task SET request = '{}', created_at = now() - interval '2 hours';"
        "ALTER TABLE task ENABLE TRIGGER USER"
    )
    async with world.working(), asyncio.timeout(50):
        while "stalled" not in await reasons(world, task):  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)

    assert await parked_because(world, task) == ["this release cannot read the task"]
