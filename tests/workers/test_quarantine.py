"""A ledger that is behind its store is put in quarantine, and stays there until a person has looked."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from schemas.lifecycle import Spend, State
from tasks_service import metrics
from tasks_service.ledger.spend import reference_of
from workers.guard import Quarantined, RestoreGuard

from .backups import epoch_of

LEASE = timedelta(seconds=30)


@pytest.fixture
async def sql(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def refused(guard: RestoreGuard) -> str:
    with pytest.raises(Quarantined) as refusal:
        await guard.cover()
    return str(refusal.value)


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


async def test_what_is_suspected_goes_by_the_name_under_which_it_was_sent(world, guards, epochs):
    task = await world.accepts("sora-2")
    await epochs.keep(1)
    await refused(guards[0])

    [attempt] = await world.ledger.spends.attempts(task)
    assert attempt.reference == reference_of(task.id)
    assert attempt.outcome is Spend.UNKNOWN
    notes = await world.ledger.history.notes(task.id)
    assert [(note["reason"], note["detail"]) for note in notes] == [("put_in_doubt", "quarantine 1")]


async def test_what_was_unknown_before_is_put_in_doubt_with_the_rest(world, guards, epochs):
    tasks, spends = world.ledger.tasks, world.ledger.spends
    lost, unsent = [await world.accepts("sora-2") for _ in range(2)]
    [lost] = [one for one in await tasks.claim([State.SUBMITTED], 9, LEASE) if one.id == lost.id]
    await spends.intend(lost)
    assert await spends.settle(lost, 1, Spend.UNKNOWN, None)
    await epochs.keep(1)
    await refused(guards[0])

    [quarantine] = await world.ledger.instance.quarantines()
    assert quarantine.doubted == 2
    for task in (lost, unsent):
        notes = await world.ledger.history.notes(task.id)
        assert [(note["reason"], note["detail"]) for note in notes] == [("put_in_doubt", "quarantine 1")]
        assert [(one.number, one.outcome) for one in await spends.attempts(task)] == [(1, Spend.UNKNOWN)]


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
