"""A worker killed where the matrix does not come: beside the usual way, each place once."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from schemas.lifecycle import Spend, State
from tasks_service import failpoints
from tasks_service.decisions import Decision, DecisionRequest, decide
from tasks_service.doorbell import SilentDoorbell
from tasks_service.epochs import Epochs
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.ledger import Ledger
from tests.faults.matrix import Deadly, die_for_each
from tests.forking import processes
from tests.workers.conftest import World

pytestmark = pytest.mark.journey

AT_ONCE = timedelta(0)
SAID = Said("person:test", "the console shows it")


async def dies(world: World, deadly: Deadly, name: object, **changes: object) -> None:
    """Workers, until one has died at the place for the task of that name."""
    settings = dict(world.settings.model_copy(update={"lease_s": 2.0, "tick_s": 0.05} | changes))
    await asyncio.to_thread(die_for_each, settings, deadly, {str(name)})
    assert deadly.killed() == {str(name)}


@pytest.fixture
def deadly(request, tmp_path) -> Deadly:
    return Deadly(request.param, tmp_path / "killed")


def at(*points: str):
    return pytest.mark.parametrize("deadly", points, indirect=True)


@at("poll.progress_noted", "poll.parked")
async def test_while_it_looks_at_a_slow_task(world, deadly):
    task = await world.accepts(script="run=12")
    await dies(world, deadly, task.id, stalled_after_s=0.5)
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


@at("poll.cancel_answered")
async def test_after_it_has_cancelled_upstream_and_before_it_says_so(world, deadly):
    task = await world.accepts(script="queue=600")
    async with world.working():
        await world.until(task, State.QUEUED)
    await world.ledger.tasks.cancel(task.id, "customer:test")
    await dies(world, deadly, task.id)
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind, await world.creations(task)) == (State.FAILED, "canceled", 1)


@at("download.trying_later", "download.ending")
async def test_while_the_files_do_not_come(world, deadly):
    task = await world.accepts(script="result=500 result_times=999")
    async with world.working():
        await world.until(task, State.DONE)
    await dies(world, deadly, task.id, hard_limit_s=0.1 if deadly.point == "download.ending" else 600)
    async with world.working(hard_limit_s=0.1):
        ended = await world.until(task)

    assert (ended.failure.kind, await world.creations(task)) == ("artifact_lost", 1)
    assert [state for state, _ in await world.causes(task)].count("failed") == 1
    assert [attempt.outcome for attempt in await world.ledger.spends.attempts(task)] == [Spend.CONFIRMED]


@at("hold.putting_back")
async def test_while_it_holds_a_task_back_because_our_store_is_away(world, deadly):
    task = await world.accepts("sora-2")
    async with store_away(world):
        await dies(world, deadly, task.id, stalled_after_s=0.1)
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.parked, await world.creations(task)) == (State.DOWNLOADED, None, 1)


@asynccontextmanager
async def store_away(world: World) -> AsyncIterator[None]:
    # Only where the epochs lie: without any store a worker would not even begin.
    folder = world.settings.data_folder / "artifacts" / "epochs"
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")
    yield
    folder.unlink()


@at("guard.distrusting", "guard.distrusted")
async def test_while_it_opens_a_quarantine(world, deadly, ledger):
    task = await world.accepts("sora-2")
    await Epochs(world.settings.store).keep(57)
    await dies(world, deadly, None)
    before = await ledger.instance.quarantines()
    async with world.working(), asyncio.timeout(50):
        while not await ledger.instance.quarantines():  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)

    [attempt] = await world.ledger.spends.attempts(task)
    assert len(before) == (deadly.point == "guard.distrusted"), "all of it or nothing"
    assert len(await ledger.instance.quarantines()) == 1
    assert (attempt.outcome, await world.creations(task)) == (Spend.UNKNOWN, 0)


@at("submit.ending", "submit.ended")
async def test_while_it_ends_what_was_cancelled_before_its_paid_request_was_refused(world, deadly):
    task = await world.accepts("sora-2")
    [held] = await world.ledger.tasks.claim([State.SUBMITTED], 1, timedelta(seconds=30), whole=True)
    assert await world.ledger.spends.intend(held)
    assert not await world.ledger.tasks.cancel(task.id, "customer:test")
    assert await world.ledger.spends.settle(held, 1, Spend.NOT_CREATED, None)
    await world.ledger.tasks.postpone(held, AT_ONCE)
    await dies(world, deadly, task.id)
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind, await world.creations(task)) == (State.FAILED, "canceled", 0)
    assert [state for state, _ in await world.causes(task)] == ["submitted", "failed"]


@at("adopt.before", "adopt.moved")
async def test_while_it_takes_up_what_a_person_has_found(world, deadly):
    task = await world.accepts("sora-2", script="create=lost_after create_times=1")
    async with world.working():
        parked = await world.until(task, parked=True)
    async with httpx.AsyncClient(base_url=world.studio) as client:
        [made] = (await client.get("/ledger")).json()["creations"]
    assert await world.ledger.decisions.attach(parked, SAID, made["id"])
    await dies(world, deadly, task.id)
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.attempt, await world.creations(task)) == (State.DOWNLOADED, 1, 1)
    assert [state for state, _ in await world.causes(task)].count("queued") == 1


@at("submit.overtaken")
async def test_while_it_records_an_answer_that_came_too_late(world, deadly):
    task = await world.accepts("kling-v1-6", script="latency=3 end=content")
    dying = asyncio.create_task(dies(world, deadly, task.id))
    await world.created(task, sent=True)
    # Somebody else takes it meanwhile, and is gone again.
    execute = world.ledger._database._executor.execute
    await execute("UPDATE task SET claim = claim + 1 WHERE id = $1", task.id)
    await dying
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.attempt, await world.creations(task)) == (State.FAILED, 1, 1)


def one_decision(dsn: str, task_id: object, deadly: Deadly) -> None:
    """A process that carries one decision out, and dies of it."""

    async def carry_out() -> None:
        ledger = await Ledger.connect(dsn, size=1)
        task = await ledger.tasks.get(task_id)
        wish = DecisionRequest(decision=Decision.NOT_CREATED, reason="the console shows nothing")
        await decide(ledger, SilentDoorbell(), task, wish, "person:test")

    failpoints.arm(deadly.point, deadly.act)
    asyncio.run(carry_out())


@at("decide.before", "decide.committed")
async def test_an_api_killed_around_a_decision_has_made_it_once_or_not_at_all(world, deadly, dsn):
    task = await world.accepts("sora-2", script="create=lost_before create_times=1")
    async with world.working(lease_s=2, submit_timeout_s=2):
        parked = await world.until(task, parked=True)
    async with asyncio.timeout(50):
        while await world.ledger.decisions.not_before(parked):  # noqa: ASYNC110 - time must pass
            await asyncio.sleep(0.1)
    process = processes.Process(target=one_decision, args=(dsn, task.id, deadly), daemon=True)
    process.start()
    await asyncio.to_thread(process.join, 100)
    assert process.exitcode == -signal.SIGKILL
    made = [note for note in await world.ledger.history.notes(task.id) if note["type"] == "decision"]
    if not made:
        assert await world.ledger.decisions.not_created(await world.task(task.id), SAID)
    async with world.working():
        ended = await world.until(task)

    assert len(made) == (deadly.point == "decide.committed")
    assert (ended.state, ended.attempt, await world.creations(task)) == (State.DOWNLOADED, 2, 1)
