"""A ledger that went back has forgotten what was paid; workers pay nothing twice from it."""

import asyncio
from contextlib import suppress

import pytest

from schemas.lifecycle import Parked, Spend, State
from tasks_service import failpoints
from tasks_service.epochs import Epochs
from tasks_service.ledger.connection import UNAVAILABLE
from workers.guard import RestoreGuard

from .backups import epoch_of


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


async def released(world) -> None:
    outside = await Epochs(world.settings.store).highest()
    assert await world.ledger.instance.release(outside, "person:me", "looked at the bill")


async def in_quarantine(world, within_s: float = 40) -> None:
    async with asyncio.timeout(within_s):
        while True:
            with suppress(*UNAVAILABLE):
                if (await world.ledger.instance.look()).quarantine:
                    return
            await asyncio.sleep(0.05)


async def test_a_restored_backup_sends_nothing_and_a_release_pays_nothing_twice(world, backups):
    known = [await world.accepts() for _ in range(5)]
    lost = [await world.accepts("sora-2") for _ in range(3)]
    await backups.take()
    async with world.working():
        for task in [*known, *lost]:
            assert (await world.until(task)).state is State.DOWNLOADED
    await backups.put_back()

    async with world.working():
        await in_quarantine(world)
        await asyncio.sleep(1)
        held = [await world.task(task.id) for task in [*known, *lost]]
        sent = [await world.calls(task, "submit") for task in [*known, *lost]]
        await released(world)
        ended = [await world.until(task, within_s=50) for task in known]
        parked = [await world.until(task, parked=True, within_s=50) for task in lost]

    assert {(task.state, task.spend, task.attempt) for task in held} == {(State.SUBMITTED, Spend.UNKNOWN, 1)}
    assert sent == [[]] * 8
    assert {task.state for task in ended} == {State.DOWNLOADED}
    assert {task.parked for task in parked} == {Parked.OUTCOME_UNKNOWN}
    assert [await world.creations(task) for task in [*known, *lost]] == [1] * 8


async def test_without_the_guard_a_restored_backup_pays_twice(world, backups, monkeypatch):
    async def wave_through(_: RestoreGuard) -> None:
        return

    monkeypatch.setattr(RestoreGuard, "cover", wave_through)
    task = await world.accepts("sora-2")
    await backups.take()
    async with world.working():
        await world.until(task)
    await backups.put_back()
    async with world.working():
        await world.until(task)

    assert await world.creations(task) == 2


@pytest.mark.parametrize("covered", ["before and after the intention", "before it only"])
async def test_a_backup_from_just_before_the_intention_is_not_believed_thanks_to_the_second_cover(
    world, backups, monkeypatch, covered
):
    """The first cover lies outside and inside that backup alike; only the second is younger."""
    cover, skipped, taken = RestoreGuard.cover, [], asyncio.Event()

    async def back_up_once(point: str) -> None:
        if taken.is_set():
            return
        await backups.take()
        taken.set()

    async def committed(point: str) -> None:
        monkeypatch.setattr(RestoreGuard, "cover", skip_one)

    async def skip_one(guard: RestoreGuard) -> None:
        skipped.append(guard)
        monkeypatch.setattr(RestoreGuard, "cover", cover)

    failpoints.arm("submit.before_intent", back_up_once)
    if covered == "before it only":
        failpoints.arm("submit.intent_committed", committed)
    async with world.working(), asyncio.timeout(100):
        # The worker counts once when it begins, and that must be in the backup.
        while not await epoch_of(world.ledger):  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)
        task = await world.accepts("sora-2")
        # Nobody may be asking the ledger while it is copied.
        await taken.wait()
        paid = await world.until(task)
    await backups.put_back()
    async with world.working():
        if covered == "before it only":
            await world.until(task)
        else:
            await in_quarantine(world)

    assert paid.attempt == 1
    assert (bool(skipped), await world.creations(task)) == (
        (True, 2) if covered == "before it only" else (False, 1)
    )


async def test_a_ledger_that_goes_back_under_a_running_worker_pays_nothing_twice(world, backups):
    tasks = [await world.accepts("sora-2") for _ in range(3)]
    await backups.take()
    async with world.working(), world.working():
        for task in tasks:
            await world.until(task)
        await backups.put_back()
        await in_quarantine(world)
        await asyncio.sleep(1)
        await released(world)
        parked = [await world.until(task, parked=True, within_s=50) for task in tasks]

    assert {task.parked for task in parked} == {Parked.OUTCOME_UNKNOWN}
    assert [await world.creations(task) for task in tasks] == [1] * 3


async def test_in_quarantine_work_that_is_paid_goes_on_and_new_work_waits(world, backups):
    under_way = await world.accepts("sora-2", script="queue=2")
    async with world.working():
        await world.until(under_way, State.QUEUED)
    await backups.take()
    other = await world.accepts("sora-2")
    async with world.working():
        await world.until(other)
    await backups.put_back()

    async with world.working():
        await in_quarantine(world)
        new = await world.accepts("sora-2")
        came = await world.until(under_way)
        await asyncio.sleep(0.5)
        waiting = await world.task(new.id)
        await released(world)
        ended = await world.until(new, parked=True, within_s=50)

    assert came.state is State.DOWNLOADED
    assert (waiting.state, waiting.spend, waiting.attempt) == (State.SUBMITTED, Spend.NONE, 0)
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)
    assert await world.creations(new) == 1


async def test_a_refusal_that_was_forgotten_does_not_hide_the_payment_after_it(world, backups):
    task = await world.accepts(script="create=refuse_rate create_times=1")
    await backups.take()
    async with world.working():
        paid = await world.until(task)
    await backups.put_back()
    async with world.working():
        await in_quarantine(world)
        await released(world)
        await world.until(task, parked=True, within_s=50)

    assert paid.attempt == 2
    assert await world.creations(task) == 1
