"""Answers that come when nobody waits for them any more: what was paid for is taken, and nothing is paid again."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from schemas.lifecycle import Parked, Spend, State
from schemas.providers import kling
from tasks_service import failpoints
from tasks_service.doorbell import SilentDoorbell
from tasks_service.failpoints import Injected
from tasks_service.ledger.clock import Clock
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.spend import Spends
from workers.submit import Submit
from workers.workbench import Workbench

AT_ONCE = timedelta(0)
SAID = Said("person:test", "the console shows nothing")


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


@pytest.fixture
async def sending(world):
    """A film whose sender was paused with the answer in its hand, until a person had decided about it."""
    await world.accepts("sora-2")
    hasty = world.settings.model_copy(update={"lease_s": 1.5, "submit_timeout_s": 3})
    slow, quick = [Submit(await Workbench.open(hasty, SilentDoorbell())) for _ in range(2)]
    [task] = await world.ledger.tasks.claim([State.SUBMITTED], 1, AT_ONCE, whole=True)
    answered, goes_on = asyncio.Event(), asyncio.Event()

    async def pause(point: str) -> None:
        answered.set()
        await goes_on.wait()

    failpoints.arm("submit.answered", pause)
    under_way = asyncio.create_task(slow._act_safely(task))
    await answered.wait()
    [again] = await world.ledger.tasks.claim([State.SUBMITTED], 1, AT_ONCE, whole=True)
    await quick._act_safely(again)
    parked = await world.task(task.id)
    assert parked.parked is Parked.OUTCOME_UNKNOWN
    assert not await world.ledger.decisions.not_created(parked, SAID), "its answer may be on the way"
    async with asyncio.timeout(30):
        while not await world.ledger.decisions.not_created(parked, SAID):  # noqa: ASYNC110 - time must pass
            await asyncio.sleep(0.1)

    async def arrives() -> None:
        goes_on.set()
        await under_way

    yield task, arrives
    await arrives()
    await asyncio.gather(slow.bench.close(), quick.bench.close())


async def notes(world, task) -> list[str]:
    return [note["reason"] for note in await world.ledger.history.notes(task.id)]


async def test_what_a_person_called_not_created_is_taken_up_when_it_was(world, sending):
    task, arrives = sending
    await arrives()
    known = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    assert (known.spend, known.attempt) == (Spend.CONFIRMED, 2)
    assert "confirmed_after_all" in await notes(world, task)
    assert ended.state is State.DOWNLOADED
    assert await world.creations(task) == 1


async def test_it_is_taken_up_after_the_next_attempt_was_refused_too(world, sending):
    task, arrives = sending
    [again] = await world.ledger.tasks.claim([State.SUBMITTED], 1, AT_ONCE, whole=True)
    await world.ledger.spends.intend(again)
    await world.ledger.spends.settle(again, 2, Spend.NOT_CREATED, None)
    await arrives()
    async with world.working():
        ended = await world.until(task)

    outcomes = [attempt.outcome for attempt in await world.ledger.spends.attempts(task)]
    assert outcomes == [Spend.NOT_CREATED, Spend.NOT_CREATED, Spend.CONFIRMED]
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


async def test_after_the_end_it_is_looked_for_and_its_files_are_kept(world, sending):
    task, arrives = sending
    assert await world.ledger.tasks.cancel(task.id, "customer:test")
    await arrives()
    async with world.working(late_wait_s=0.3), asyncio.timeout(50):
        while "late_success" not in await notes(world, task):  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.1)

    assert (await world.task(task.id)).state is State.FAILED
    assert len(await world.ledger.history.artifacts(task.id)) == 1


async def test_what_was_bought_twice_on_a_person_s_word_is_all_fetched(world, sending):
    task, arrives = sending
    failpoints.disarm()
    async with world.working(late_wait_s=0.3), asyncio.timeout(50):
        await world.until(task, State.DOWNLOADED)
        await arrives()
        while "late_success" not in await notes(world, task):  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.1)

    artifacts = await world.ledger.history.artifacts(task.id)
    assert [artifact.n for artifact in artifacts] == [0, 1]
    assert await world.creations(task) == 2


async def test_a_ledger_that_is_away_just_then_does_not_lose_it(world, sending):
    task, arrives = sending
    broke: list[str] = []

    async def once(point: str) -> None:
        if not broke:
            broke.append(point)
            raise Injected("the line to the ledger broke")

    failpoints.arm("submit.overtaken", once)
    await arrives()

    assert broke
    assert (await world.task(task.id)).spend is Spend.CONFIRMED


async def test_a_worker_that_is_stopped_while_its_intention_is_committed_has_sent_nothing(world, monkeypatch):
    task, intend = await world.accepts("sora-2"), Spends.intend

    async def slowly(self, *arguments):
        reference = await intend(self, *arguments)
        await asyncio.sleep(60)
        return reference

    monkeypatch.setattr(Spends, "intend", slowly)
    async with world.working(lease_s=30, stop_wait_s=0.1):
        await world.created(task, sent=True)
    monkeypatch.setattr(Spends, "intend", intend)
    known = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    assert known.spend is Spend.NOT_CREATED
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


async def test_a_reference_that_is_taken_proves_that_something_was_made(world):
    script = "create=lost_after create_times=1 lookup=hidden lookup_times=6"
    task = await world.accepts("kling-v1-6", script=script)
    async with world.working(lease_s=0.5, absent_after_s=0.1, submit_timeout_s=0.5, parked_wait_s=0.3):
        ended = await world.until(task)

    assert {"never_arrived", "reference_taken"} <= set(await notes(world, task))
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


@pytest.mark.parametrize("believed", ["the upstream's silence", "a person"])
async def test_a_refusal_after_it_was_believed_that_nothing_had_arrived_may_mean_the_reference(
    world, monkeypatch, believed
):
    """As above, at an upstream whose words do not name what is wrong with the reference."""
    monkeypatch.setattr(kling, "_names_the_reference", lambda *_: False)
    script = "create=lost_after create_times=1 lookup=hidden lookup_times=6"
    task = await world.accepts("kling-v1-6", script=script)
    patient = {"absent_after_s": 600, "park_unknown_after_s": 0} if believed == "a person" else {}
    hasty = {"lease_s": 0.5, "absent_after_s": 0.1, "submit_timeout_s": 0.5, "parked_wait_s": 600}
    async with world.working(**hasty | patient), asyncio.timeout(50):
        if believed == "a person":
            parked = await world.until(task, parked=True)
            while not await world.ledger.decisions.not_created(parked, SAID):  # noqa: ASYNC110 - time must pass
                await asyncio.sleep(0.1)
        parked = await world.until(task, parked=True)

    assert (parked.parked, parked.spend, parked.attempt) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN, 2)
    assert "reference_taken" in await notes(world, task)
    assert await world.creations(task) == 1


async def test_results_live_as_long_as_the_vendor_s_pages_say(world):
    task = await world.accepts("doubao-seedance-1-0-pro-250528")
    async with world.working():
        ended = await world.until(task)

    left = ended.result_expires_at - datetime.now(UTC)
    assert timedelta(hours=23, minutes=50) < left < timedelta(hours=24)


def test_times_are_the_ledger_s_whatever_our_clock_says():
    clock, ours = Clock(), datetime.now(UTC)
    theirs = ours - timedelta(days=8)
    clock.read(theirs)
    now = clock.now()

    # Not before it was read, and it goes on as ours does.
    assert theirs <= now <= theirs + (datetime.now(UTC) - ours)
