"""A refusal that comes late: it wakes a task that a person was asked about, where it is certain."""

import asyncio
from datetime import timedelta

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, Spend, State
from tasks_service import failpoints
from tasks_service.doorbell import SilentDoorbell
from workers.submit import Submit
from workers.workbench import Workbench

ARK, KLING, SORA = "doubao-seedance-1-0-pro-250528", "kling-v1-6", "sora-2"
KNOWS_NO_KEY = pytest.mark.parametrize("model", [ARK, KLING, SORA])
AT_ONCE, LEASE = timedelta(0), timedelta(seconds=60)


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


class Senders:
    """Workers that send, and are paused with the answer in their hand until they are told to go on."""

    def __init__(self, world):
        self._world = world
        # A person is asked about what is lost at once, and for ten minutes nobody looks again by himself.
        self._settings = world.settings.model_copy(
            update={"submit_timeout_s": 20, "park_unknown_after_s": 0, "parked_wait_s": 600}
        )
        self._benches: list[Workbench] = []

    async def another(self) -> Submit:
        bench = await Workbench.open(self._settings, SilentDoorbell())
        self._benches.append(bench)
        return Submit(bench)

    async def claimed(self, lease=AT_ONCE):
        [task] = await self._world.ledger.tasks.claim([State.SUBMITTED], 1, lease, whole=True)
        return task

    async def one_that_waits(self):
        """Sends a task; returns as soon as it is answered, with what lets it record the answer."""
        answered, goes_on = asyncio.Event(), asyncio.Event()

        async def pause(point: str) -> None:
            answered.set()
            await goes_on.wait()

        sender, task = await self.another(), await self.claimed()
        failpoints.arm("submit.answered", pause)
        under_way = asyncio.create_task(sender._act_safely(task))
        async with asyncio.timeout(50):
            await answered.wait()
        failpoints.disarm()

        async def arrives() -> None:
            goes_on.set()
            await under_way

        return arrives

    async def recovers(self) -> None:
        """The lease is over; somebody else finds the task with an intention that nobody has settled."""
        await (await self.another())._act_safely(await self.claimed())

    async def close(self) -> None:
        await asyncio.gather(*(bench.close() for bench in self._benches))


@pytest.fixture
async def senders(world):
    some = Senders(world)
    yield some
    await some.close()


async def outcomes(world, task) -> list[Spend]:
    return [attempt.outcome for attempt in await world.ledger.spends.attempts(task)]


async def notes(world, task) -> list[str]:
    return [note["reason"] for note in await world.ledger.history.notes(task.id)]


@KNOWS_NO_KEY
async def test_a_refusal_that_comes_late_wakes_the_task_which_goes_again_at_once(world, senders, model):
    task = await world.accepts(model, script="create=refuse_content create_times=1")
    arrives = await senders.one_that_waits()
    await senders.recovers()
    parked = await world.task(task.id)
    assert (parked.parked, parked.spend) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN)
    assert await world.ledger.tasks.claim([State.SUBMITTED], 1, LEASE) == [], "it is put aside for long"

    await arrives()
    awake = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    assert (awake.parked, awake.parked_at, awake.spend) == (None, None, Spend.NOT_CREATED)
    assert awake.due_at < parked.due_at
    assert await outcomes(world, task) == [Spend.NOT_CREATED, Spend.CONFIRMED]
    assert (ended.state, ended.attempt, ended.parked) == (State.DOWNLOADED, 2, None)
    assert await world.creations(task) == 1


@KNOWS_NO_KEY
async def test_a_task_that_was_woken_and_is_refused_again_ends(world, senders, model):
    task = await world.accepts(model, script="create=refuse_content")
    arrives = await senders.one_that_waits()
    await senders.recovers()
    await arrives()
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.CONTENT_POLICY_INPUT)
    assert await outcomes(world, task) == [Spend.NOT_CREATED, Spend.NOT_CREATED]
    assert await world.creations(task) == 0


async def test_who_has_read_the_task_before_the_refusal_came_does_not_put_it_aside_again(world, senders):
    task = await world.accepts(SORA, script="create=refuse_content create_times=1")
    arrives = await senders.one_that_waits()
    overtaken = await senders.claimed(LEASE)
    await arrives()
    await (await senders.another())._act_safely(overtaken)
    known = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    assert (known.parked, known.spend) == (None, Spend.NOT_CREATED)
    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 2)
    assert await world.creations(task) == 1


async def test_of_two_that_sent_one_reference_the_late_refusal_says_nothing_about_the_other(world, senders):
    task = await world.accepts(script="create=refuse_content create_times=1")
    refused = await senders.one_that_waits()
    made = await senders.one_that_waits()
    assert await world.creations(task) == 1

    await refused()
    known = await world.task(task.id)
    await made()
    async with world.working():
        ended = await world.until(task)

    assert known.spend is not Spend.NOT_CREATED
    assert await outcomes(world, task) == [Spend.CONFIRMED]
    assert await notes(world, task) == []
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)
