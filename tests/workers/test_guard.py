"""A ledger that went back has forgotten what was paid; nothing is sent from it until a person has looked."""

import asyncio
import random
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import pytest

from schemas.lifecycle import Parked, Spend, State
from tasks_service import metrics
from tasks_service.artifacts import StoreAway
from tasks_service.epochs import Epochs
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.spend import reference_of
from workers.guard import Quarantined, RestoreGuard


class Backups:
    """Copies of a database, and putting them back, while others are at work on it."""

    def __init__(self, elsewhere: asyncpg.Connection, name: str):
        self._elsewhere = elsewhere
        self._name = name

    async def take(self) -> None:
        await self._alone(f"CREATE DATABASE {self._name}_backup TEMPLATE {self._name} STRATEGY file_copy")

    async def put_back(self) -> None:
        await self._elsewhere.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        await self._alone(f"ALTER DATABASE {self._name}_backup RENAME TO {self._name}")

    async def _alone(self, statement: str) -> None:
        while True:
            await self._elsewhere.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", self._name
            )
            with suppress(asyncpg.ObjectInUseError):
                await self._elsewhere.execute(statement)
                break
        # Pools learn here that their connections are gone.
        await asyncio.sleep(0.2)


@pytest.fixture
async def backups(dsn, server_dsn, ledger):
    elsewhere = await asyncpg.connect(server_dsn)
    yield Backups(elsewhere, urlsplit(dsn).path.strip("/"))
    await elsewhere.close()


@pytest.fixture
def epochs(tmp_path):
    return Epochs(f"file://{tmp_path}/artifacts")


@pytest.fixture
async def guards(ledger, epochs):
    """Guards as of several workers."""
    made = [RestoreGuard(ledger, epochs) for _ in range(8)]
    yield made
    await asyncio.gather(*(guard.close() for guard in made))


@pytest.fixture
async def sql(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def epoch_of(ledger: Ledger) -> int:
    return (await ledger.instance.look()).epoch


async def refused(guard: RestoreGuard) -> str:
    with pytest.raises(Quarantined) as refusal:
        await guard.cover()
    return str(refusal.value)


async def released(world) -> None:
    outside = await Epochs(world.settings.store).highest()
    assert await world.ledger.instance.release(outside, "person:me", "looked at the bill")


async def in_quarantine(world, within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while True:
            with suppress(*UNAVAILABLE):
                if (await world.ledger.instance.look()).quarantine:
                    return
            await asyncio.sleep(0.05)


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


async def test_a_worker_that_was_idle_sees_what_others_put_outside_since(ledger, guards, backups):
    idle, busy = guards[:2]
    await idle.cover()
    await backups.take()
    for _ in range(5):
        await busy.cover()
    await backups.put_back()

    said = await refused(idle)
    assert "The store knows epoch 6, this database only 1" in said
    assert "older backup" in said


async def test_one_epoch_that_is_forgotten_is_enough_for_all_workers_at_once(ledger, guards, backups):
    await asyncio.gather(*(guard.look() for guard in guards))
    await backups.take()
    await guards[0].cover()
    await backups.put_back()
    before = await epoch_of(ledger)

    for _ in range(3):
        await asyncio.gather(*(refused(guard) for guard in guards))

    assert await epoch_of(ledger) == before
    assert len(await ledger.instance.quarantines()) == 1


async def test_an_idle_worker_notices_that_its_ledger_went_back(ledger, guards, backups):
    await guards[0].look()
    await backups.take()
    await guards[0].cover()
    await backups.put_back()

    await guards[0].look()

    assert guards[0].quarantine is not None
    assert metrics.QUARANTINED._value.get() == 1


async def test_a_new_database_over_an_old_store_is_not_believed_either(ledger, guards, epochs):
    await epochs.keep(57)

    said = await refused(guards[0])

    assert "new database over the store of an older one" in said
    assert "backup" in said


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


async def test_after_a_release_the_epoch_is_above_everything_outside(ledger, guards, epochs):
    await epochs.keep(57)
    await refused(guards[0])
    ended = await ledger.instance.release(await epochs.highest(), "person:me", "it is a new database")
    again = await ledger.instance.release(await epochs.highest(), "person:me", "once more")
    await guards[0].cover()

    assert (ended.released_by, ended.release_reason) == ("person:me", "it is a new database")
    assert again is None
    assert await epochs.highest() == 58
    assert guards[0].quarantine is None
    assert metrics.QUARANTINED._value.get() == 0


async def test_what_is_suspected_goes_by_the_name_under_which_it_was_sent(world, guards, epochs):
    task = await world.accepts("sora-2")
    await epochs.keep(1)
    await refused(guards[0])

    [attempt] = await world.ledger.spends.attempts(task)
    assert attempt.reference == reference_of(task.id)
    assert attempt.outcome is Spend.UNKNOWN
    notes = await world.ledger.history.notes(task.id)
    assert [(note["reason"], note["detail"]) for note in notes] == [("put_in_doubt", "quarantine 1")]


CHEATS = {
    "count an epoch down": "UPDATE instance SET epoch = epoch - 1",
    "count up in quarantine": "UPDATE instance SET epoch = epoch + 1",
    "have a second instance": "INSERT INTO instance (one) VALUES (false)",
    "forget the instance": "DELETE FROM instance",
    "forget a quarantine": "DELETE FROM quarantine",
    "empty the quarantines": "TRUNCATE quarantine CASCADE",
    "release without a name": "UPDATE quarantine SET released_at = now(), release_reason = 'x'",
    "release without a reason": "UPDATE quarantine SET released_at = now(), released_by = 'x', release_reason = ' '",
    "say that less was forgotten": "UPDATE quarantine SET outside_epoch = 4",
    "begin a second one": """
        INSERT INTO quarantine (reason, ledger_epoch, outside_epoch) VALUES ('ledger_went_back', 1, 2)""",
}


@pytest.mark.parametrize("cheat", CHEATS)
async def test_a_quarantine_cannot_be_talked_away_in_sql(guards, epochs, sql, cheat):
    await guards[0].cover()
    await epochs.keep(9)
    await refused(guards[0])

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await sql.execute(CHEATS[cheat])


async def test_a_released_quarantine_stays_as_it_is(ledger, guards, epochs, sql):
    await epochs.keep(9)
    await refused(guards[0])
    await ledger.instance.release(9, "person:me", "new")

    with pytest.raises(asyncpg.RestrictViolationError, match="ends once"):
        await sql.execute("UPDATE quarantine SET release_reason = 'x'")


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
        ended = [await world.until(task, within_s=30) for task in known]
        parked = [await world.until(task, parked=True, within_s=30) for task in lost]

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
        parked = [await world.until(task, parked=True, within_s=30) for task in tasks]

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
        ended = await world.until(new, parked=True, within_s=30)

    assert came.state is State.DOWNLOADED
    assert (waiting.state, waiting.spend, waiting.attempt) == (State.SUBMITTED, Spend.NONE, 0)
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)
    assert await world.creations(new) == 1


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
        ended = await world.until(task, within_s=30)

    assert (waiting.state, waiting.spend) == (State.SUBMITTED, Spend.NONE)
    assert ended.state is State.DOWNLOADED
    assert await world.creations(task) == 1


async def test_a_refusal_that_was_forgotten_does_not_hide_the_payment_after_it(world, backups):
    task = await world.accepts(script="create=refuse_rate create_times=1")
    await backups.take()
    async with world.working():
        paid = await world.until(task)
    await backups.put_back()
    async with world.working():
        await in_quarantine(world)
        await released(world)
        await world.until(task, parked=True, within_s=30)

    assert paid.attempt == 2
    assert await world.creations(task) == 1
