"""What somebody with psql cannot do, however they try."""

import itertools
from contextlib import suppress

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from schemas.lifecycle import Spend, State
from schemas.task import Artifact
from tasks_service.ledger.history import Call, Repeat

from .cheats import AFTER_THE_END, CHEATS
from .conftest import LEASE

# What may change without a move; that which is said in each of them has rules of its own.
FREE = {
    "task": {"seq", "due_at", "claim", "spend", "attempt", "upstream_id", "progress", "result_expires_at", "parked",
             "parked_at", "cancel_requested_at"},
    "spend": {"outcome", "upstream_id", "settled_at"},
    "upstream_call": {"repeats", "last_at"},
    "artifact": set(),
    "task_note": set(),
    "task_event": set(),
}  # fmt: skip
OPEN = {"intended", "unknown"}
COMES_AFTER = {"intended": {"none", "not_created"}, "confirmed": OPEN, "not_created": OPEN, "unknown": OPEN}


@pytest.fixture
def storied(ledger, brought_to):
    """A task with a spend, a call, an artifact and notes."""

    async def bring(state):
        task = await brought_to(state)
        call = Call(uuid7(), "poll", 1, "r", "GET", "/", task.created_at, 1, 200, None, None, None, "words")
        await ledger.history.record(task.id, [call])
        await ledger.history.repeat([Repeat(task.id, call.id, 2, task.created_at)])
        await ledger.history.keep(task.id, [Artifact(0, "k", "image/png", 9, "0" * 64, 1, 1, None)])
        await ledger.history.add_note(task.id, uuid7(), "note", "x", "x", None)
        await ledger.tasks.cancel(task.id, "x")
        return task

    return bring


@pytest.mark.parametrize("cheat", CHEATS)
async def test_a_cheat_is_refused(sql, storied, cheat):
    task = await storied(State.QUEUED)
    before = await sql.fetchrow("SELECT t::text FROM task t WHERE id = $1", task.id)

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with sql.transaction():
            await sql.execute(CHEATS[cheat], task.id)

    assert await sql.fetchrow("SELECT t::text FROM task t WHERE id = $1", task.id) == before
    assert await sql.fetchval("SELECT count(*) FROM task_event WHERE task_id = $1", task.id) == 2


async def test_a_task_without_a_story_is_kept_too(sql, opened):
    await opened()

    with pytest.raises(asyncpg.RestrictViolationError, match="tasks are kept"):
        await sql.execute("DELETE FROM task")


@pytest.mark.parametrize("state", [State.DOWNLOADED, State.FAILED])
@pytest.mark.parametrize("cheat", AFTER_THE_END)
async def test_nothing_is_added_to_a_story_that_ended(sql, brought_to, state, cheat):
    task = await brought_to(state)

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await sql.execute(AFTER_THE_END[cheat], task.id)


@pytest.mark.parametrize("table", FREE)
async def test_what_is_not_meant_to_change_cannot_even_be_written_again(ledger, sql, storied, opened, table):
    await storied(State.QUEUED)
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task)
    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    which = "WHERE outcome = 'unknown'" if table == "spend" else ""
    columns = await sql.fetch(
        """SELECT attname FROM pg_attribute
           WHERE attrelid = $1::text::regclass AND attnum > 0 AND attgenerated = ''""",
        table,
    )

    free = set()
    for column in (row["attname"] for row in columns):
        with suppress(asyncpg.IntegrityConstraintViolationError):
            await sql.execute(f"UPDATE {table} SET {column} = {column} {which}")
            free.add(column)

    assert free == FREE[table]


async def test_what_is_known_of_a_spend_only_grows(sql, brought_to):
    await brought_to(State.QUEUED)
    # Whoever may switch the triggers off can do anything, a test's preparations too.
    await sql.execute("SET session_replication_role = replica")
    for before, after in itertools.product(Spend, repeat=2):
        await sql.execute("UPDATE task SET spend = $1", before.value)
        await sql.execute("SET session_replication_role = origin")
        legal = before is after or before.value in COMES_AFTER.get(after.value, ())
        try:
            await sql.execute("UPDATE task SET spend = $1", after.value)
        except asyncpg.RestrictViolationError:
            assert not legal, f"{before} to {after} was refused"
        else:
            assert legal, f"{before} to {after} was let through"
        await sql.execute("SET session_replication_role = replica")


LEDGER = (
    "lifecycle", "task", "task_event", "upstream_call", "artifact", "task_note", "spend", "idempotency_key", "live_work"
)  # fmt: skip


@pytest.mark.parametrize("table", LEDGER)
async def test_the_ledger_cannot_be_emptied(sql, storied, table):
    await storied(State.QUEUED)
    leaves = await sql.fetch(
        "SELECT inhrelid::regclass::text AS leaf FROM pg_inherits WHERE inhparent = $1::text::regclass", table
    )

    assert len(leaves) >= 4 or table in ("lifecycle", "spend", "idempotency_key", "live_work")
    for name in [table, *(row["leaf"] for row in leaves if "_idx" not in row["leaf"])]:
        with pytest.raises(asyncpg.RestrictViolationError, match=f"TRUNCATE of {name} is refused"):
            await sql.execute(f"TRUNCATE {name} CASCADE")


@pytest.mark.parametrize(
    "whole", ["account", "api_key, account", "task, task_event, artifact, upstream_call, task_note"]
)
async def test_nor_from_its_ends(sql, brought_to, whole):
    await brought_to(State.QUEUED)

    with pytest.raises(asyncpg.RestrictViolationError):
        await sql.execute(f"TRUNCATE {whole} CASCADE")


ORPHANS = {
    "upstream_call": """
        INSERT INTO upstream_call (task_id, id, purpose, attempt, route, method, path, sent_at, latency_ms, status, last_at)
        VALUES (uuidv7(), uuidv7(), 'poll', 1, 'r', 'GET', '/', now(), 1, 200, now())""",
    "artifact": f"""
        INSERT INTO artifact (task_id, n, key, type, bytes, sha256) VALUES (uuidv7(), 0, 'k', 't', 1, '{"0" * 64}')""",
    "task_note": """
        INSERT INTO task_note (task_id, id, type, actor, reason) VALUES (uuidv7(), uuidv7(), 'note', 'x', 'x')""",
}


@pytest.mark.parametrize("table", ORPHANS)
async def test_what_is_about_no_task_is_refused(sql, table):
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await sql.execute(ORPHANS[table])


async def test_an_event_of_a_task_that_does_not_exist_is_refused(sql):
    with pytest.raises(asyncpg.PostgresError, match="moved nothing"):
        await sql.execute(
            """INSERT INTO task_event (task_id, seq, to_state, actor, cause)
               VALUES (uuidv7(), 1, 'submitted', 'x', 'x')"""
        )


async def test_a_life_begins_submitted(sql):
    with pytest.raises(asyncpg.PostgresError, match="life_begins_submitted"):
        await sql.execute(
            """INSERT INTO task_event (task_id, seq, to_state, actor, cause)
               VALUES (uuidv7(), 1, 'done', 'x', 'x')"""
        )


async def test_two_possible_spends_of_one_task_are_refused(ledger, sql, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    assert await ledger.spends.intend(task)

    with pytest.raises(asyncpg.UniqueViolationError, match="one_possible_spend_per_task"):
        await sql.execute(
            "INSERT INTO spend (task_id, attempt, reference, route, outcome) VALUES ($1, 2, 'b', 'r', 'intended')",
            task.id,
        )
