"""What somebody with psql cannot do, however they try."""

import asyncpg
import pytest

from schemas.lifecycle import State

from .conftest import LEASE

CHEATS = {
    "change a state without an event": "UPDATE task SET state = 'running' WHERE id = $1",
    "move on without an event": "UPDATE task SET state = 'running', seq = seq + 1 WHERE id = $1",
    "point back at an older event": "UPDATE task SET state = 'submitted', seq = 1 WHERE id = $1",
    "skip a number": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 4, 'queued', 'running', 'x', 'x'))
        UPDATE task SET state = 'running', seq = 4 WHERE id = $1""",
    "write an event that moves nothing": """
        INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
        VALUES ($1, 3, 'queued', 'running', 'x', 'x')""",
    "fork the history": """
        INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
        VALUES ($1, 2, 'submitted', 'running', 'x', 'x')""",
    "lie about where it came from": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'running', 'done', 'x', 'x'))
        UPDATE task SET state = 'done', seq = 3 WHERE id = $1""",
    "make an illegal move": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'downloaded', 'x', 'x'))
        UPDATE task SET state = 'downloaded', seq = 3, due_at = NULL WHERE id = $1""",
    "invent a state": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'nearly', 'x', 'x'))
        UPDATE task SET state = 'nearly', seq = 3 WHERE id = $1""",
    "edit an event": "UPDATE task_event SET actor = 'nobody' WHERE task_id = $1",
    "delete an event": "DELETE FROM task_event WHERE task_id = $1 AND seq = 2",
    "delete the task": "DELETE FROM task WHERE id = $1",
    "forget a live task": "UPDATE task SET due_at = NULL WHERE id = $1",
    "fail without a reason": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'failed', 'x', 'x'))
        UPDATE task SET state = 'failed', seq = 3, due_at = NULL WHERE id = $1""",
    "fail and go on": """
        WITH e AS (INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
                   VALUES ($1, 3, 'queued', 'failed', 'x', 'x'))
        UPDATE task SET state = 'failed', seq = 3, failure_kind = 'unknown' WHERE id = $1""",
    "park without a time": "UPDATE task SET parked = 'stalled' WHERE id = $1",
    "give it to another": "UPDATE task SET account_id = account_id WHERE id = $1",
    "change what was asked": "UPDATE task SET request = '{}' WHERE id = $1",
    "spend without a name": """
        INSERT INTO spend (task_id, attempt, reference, route, outcome) VALUES ($1, 2, 'a', 'r', 'perhaps')""",
}


@pytest.mark.parametrize("cheat", CHEATS)
async def test_a_cheat_is_refused(sql, brought_to, cheat):
    task = await brought_to(State.QUEUED)
    before = await sql.fetchrow("SELECT t::text FROM task t WHERE id = $1", task.id)

    with pytest.raises(asyncpg.PostgresError):
        async with sql.transaction():
            await sql.execute(CHEATS[cheat], task.id)

    assert await sql.fetchrow("SELECT t::text FROM task t WHERE id = $1", task.id) == before
    assert await sql.fetchval("SELECT count(*) FROM task_event WHERE task_id = $1", task.id) == 2


@pytest.mark.parametrize("table", ["task", "task_event"])
async def test_the_ledger_cannot_be_emptied(sql, brought_to, table):
    await brought_to(State.QUEUED)
    leaf = await sql.fetchval("SELECT tableoid::regclass::text FROM task_event LIMIT 1")
    target = leaf if table == "task_event" else leaf.replace("task_event", "task")

    for name in (table, target):
        with pytest.raises(asyncpg.PostgresError):
            await sql.execute(f"TRUNCATE {name} CASCADE")


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


async def test_months_are_cut_in_utc_and_an_old_one_can_be_let_go(sql, brought_to):
    task = await brought_to(State.DOWNLOADED)
    leaf = await sql.fetchval("SELECT tableoid::regclass::text FROM task WHERE id = $1", task.id)

    for parent in ("task", "task_event", "upstream_call", "artifact", "task_note"):
        await sql.execute(f"ALTER TABLE {parent} DETACH PARTITION {leaf.replace('task', parent, 1)}")

    assert await sql.fetchval("SELECT count(*) FROM task") == 0
    assert await sql.fetchval(f"SELECT count(*) FROM {leaf}") == 1
    assert not await sql.fetchval("SELECT make_month(now())")


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_a_month_made_in_any_time_zone_is_the_same(sql, zone):
    await sql.execute(f"SET timezone TO '{zone}'")
    assert await sql.fetchval("SELECT make_month('2031-01-15 00:00:00+00')")

    bounds = await sql.fetchval(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'task_2031_01'"
    )

    first = await sql.fetchval("SELECT first_id_of('2031-01-01 00:00:00+00')::text")
    following = await sql.fetchval("SELECT first_id_of('2031-02-01 00:00:00+00')::text")
    assert bounds == f"FOR VALUES FROM ('{first}') TO ('{following}')"
