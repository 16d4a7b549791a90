"""Before anything is sent, an epoch that covers it lies outside the ledger."""

import asyncio
import random

import pytest

from schemas.lifecycle import Spend, State
from tasks_service.artifacts import StoreAway
from tasks_service.epochs import Epochs
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger
from workers.guard import RestoreGuard

from .backups import epoch_of


async def first_epoch(world, within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while True:
            if await Epochs(world.settings.store).all():
                return
            await asyncio.sleep(0.05)


async def test_a_hundred_senders_share_an_epoch(ledger, guards, epochs):
    await asyncio.gather(*(guards[0].cover() for _ in range(100)))

    assert await epoch_of(ledger) <= 2
    assert await epochs.highest() == await epoch_of(ledger)


async def test_every_sender_is_covered_by_an_epoch_that_was_counted_after_it_came(ledger, guards, epochs):
    shares = random.Random(7)

    async def send(guard: RestoreGuard) -> None:
        await asyncio.sleep(shares.uniform(0, 0.2))
        before = await epoch_of(ledger)
        await guard.cover()
        assert await epochs.highest() > before

    await asyncio.gather(*(send(guard) for guard in guards for _ in range(25)))


async def test_epochs_outside_are_tidied_up_and_the_highest_stays(ledger, guards, epochs):
    for _ in range(10):
        await asyncio.gather(*(guard.cover() for guard in guards))
    await asyncio.gather(*(guard.close() for guard in guards))

    assert len(await epochs.all()) < 40
    assert await epochs.highest() == await epoch_of(ledger) == 80


async def test_a_sender_that_is_cancelled_leaves_the_others_covered(ledger, guards):
    senders = [asyncio.create_task(guards[0].cover()) for _ in range(10)]
    await asyncio.sleep(0)
    senders[0].cancel()
    await asyncio.gather(*senders[1:])

    assert senders[0].cancelled()
    assert await epoch_of(ledger) == 1


async def test_where_every_sender_is_cancelled_the_next_is_covered_all_the_same(guards, epochs):
    gone = asyncio.create_task(guards[0].cover())
    await asyncio.sleep(0)
    gone.cancel()
    await guards[0].cover()

    assert await epochs.highest() >= 1


async def test_a_store_that_is_away_covers_nobody(ledger, tmp_path, epochs, guards):
    folder = tmp_path / "artifacts"
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    with pytest.raises(StoreAway):
        await guards[0].cover()
    folder.unlink()
    (tmp_path / "away").rename(folder)

    await guards[0].cover()
    assert await epochs.highest() >= 1


async def test_a_ledger_that_is_away_covers_nobody(epochs):
    nobody = await Ledger.connect("postgresql://u@127.0.0.1:1/x", lazy=True)
    with pytest.raises(UNAVAILABLE):
        await RestoreGuard(nobody, epochs).cover()
    await nobody.close()

    assert await epochs.all() == []


async def test_while_the_store_is_away_tasks_wait_unsent(world):
    folder = world.settings.data_folder / "artifacts"
    async with world.working():
        await first_epoch(world)
        folder.rename(folder.with_suffix(".away"))
        folder.write_text("in the way")
        task = await world.accepts("sora-2")
        await asyncio.sleep(1)
        waiting = await world.task(task.id)
        folder.unlink()
        folder.with_suffix(".away").rename(folder)
        ended = await world.until(task, within_s=50)

    assert (waiting.state, waiting.spend) == (State.SUBMITTED, Spend.NONE)
    assert ended.state is State.DOWNLOADED
    assert await world.creations(task) == 1
