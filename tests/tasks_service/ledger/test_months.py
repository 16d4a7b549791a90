"""Tables are cut by month: in UTC, ahead of time or when they turn out to be missing, by anybody at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from schemas.lifecycle import State
from tasks_service.ledger.connection import UNAVAILABLE, NoMonth

from .conftest import LEASE, new_task

PARENTS = ("task", "task_event", "upstream_call", "artifact", "task_note")


def id_in(year, month):
    """An id as a clock in that month would make it."""
    at = int(datetime(year, month, 20, tzinfo=UTC).timestamp() * 1000)
    return UUID(int=at << 80 | uuid7().int % (1 << 80))


async def tables_of(sql, suffix):
    return {
        parent for parent in PARENTS if await sql.fetchval("SELECT to_regclass($1)", f"{parent}_{suffix}")
    }


async def test_months_ahead_are_made_once_and_counted(ledger, sql):
    await ledger.months.make()
    later = await sql.fetchval("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '4 months', 'YYYY_MM')")
    assert await tables_of(sql, later) == set()

    assert await ledger.months.make(ahead=4) == 2
    assert await tables_of(sql, later) == set(PARENTS)
    assert await ledger.months.make(ahead=4) == 0


async def test_a_task_of_a_month_that_nobody_made_is_accepted(ledger, sql, caller):
    new = replace(new_task(caller, prompt="late"), id=id_in(2031, 5))

    assert (await ledger.tasks.open(new, caller.actor, "key")).id == new.id

    assert await ledger.tasks.by_key(caller.account_id, "key") == new.id
    assert await tables_of(sql, "2031_05") == await tables_of(sql, "2031_06") == set(PARENTS)
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    assert task.id == new.id


async def test_many_who_need_the_same_month_at_once_all_get_it(ledger, caller):
    news = [replace(new_task(caller, prompt=str(n)), id=id_in(2031, 5)) for n in range(24)]

    opened = await asyncio.gather(*(ledger.tasks.open(new, caller.actor, None) for new in news))

    assert [task.id for task in opened] == [new.id for new in news]


async def test_a_month_that_cannot_be_made_is_a_matter_for_later(ledger, sql, caller):
    assert issubclass(NoMonth, UNAVAILABLE)
    new = replace(new_task(caller, prompt="late"), id=id_in(2031, 5))
    for hindrance in ("RETURN false;", "RAISE EXCEPTION 'no' USING ERRCODE = 'insufficient_privilege';"):
        await sql.execute(
            f"""CREATE OR REPLACE FUNCTION make_month(month timestamptz) RETURNS boolean LANGUAGE plpgsql
                AS $$ BEGIN {hindrance} END $$"""
        )
        with pytest.raises(NoMonth):
            await ledger.tasks.open(new, caller.actor, "key")

    assert await ledger.tasks.by_key(caller.account_id, "key") is None


async def test_whoever_changes_the_schema_delays_a_month_for_seconds_only(dsn, ledger, sql, caller):
    await sql.execute("ALTER FUNCTION make_month SET lock_timeout = '200ms'")
    async with sql.transaction():
        await sql.execute("LOCK TABLE task_event IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(UNAVAILABLE):
            await ledger.months.make(ahead=9)
    assert await ledger.months.make(ahead=9) == 7


async def test_the_wait_for_a_month_ends_before_a_caller_gives_up(sql):
    [setting] = await sql.fetchval("SELECT proconfig FROM pg_proc WHERE proname = 'make_month'")

    assert setting == "lock_timeout=10s"


async def test_eight_who_make_the_same_month_make_it_once(dsn):
    async def make():
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                made = await connection.fetchval("SELECT make_month('2031-05-20')")
                await asyncio.sleep(0.02)
                return made
        finally:
            await connection.close()

    made = await asyncio.gather(*(make() for _ in range(8)))

    assert sorted(made) == [False] * 7 + [True]


async def test_a_month_is_made_beside_those_who_write_and_they_beside_it(ledger, sql, caller, brought_to):
    running = await brought_to(State.RUNNING)
    async with ledger.transaction() as writing:
        # It has written to every table that a month is attached to, and is not done.
        await writing.tasks.open(new_task(caller, prompt="before"), caller.actor, "before")
        await writing.tasks.cancel(running.id, "x")
        async with asyncio.timeout(5), sql.transaction():
            assert await sql.fetchval("SELECT make_month('2031-05-20')")
            await writing.tasks.open(new_task(caller, prompt="during"), caller.actor, "during")
            await ledger.tasks.open(new_task(caller, prompt="beside"), caller.actor, "beside")
    await ledger.tasks.open(replace(new_task(caller, prompt="in it"), id=id_in(2031, 5)), caller.actor, None)

    assert await sql.fetchval("SELECT count(*) FROM task_2031_05") == 1


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
