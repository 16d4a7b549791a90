"""What a worker tidies by itself."""

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from tasks_service.artifacts import Artifacts
from tasks_service.ledger.ledger import Ledger
from workers.sweep import keep_house, keep_tidy

WINDOW = timedelta(minutes=10)
_WORK = """
    INSERT INTO live_work (account_id, fingerprint, task_id, live, ended_task_id, ended_at)
    SELECT 1, sha256(name::bytea), gen_random_uuid(), live, gen_random_uuid(), now() - age
    FROM (VALUES ('old', 0, interval '11 minutes'), ('new', 0, interval '9 minutes'),
                 ('alive', 1, interval '11 minutes')) AS work (name, live, age)
"""


@pytest.fixture
async def sql(dsn: str):
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def test_work_that_ended_before_the_window_is_forgotten(
    ledger: Ledger, sql: asyncpg.Connection, tmp_path: Path
):
    await sql.execute(_WORK)

    house = asyncio.create_task(keep_house(ledger, tmp_path, WINDOW))
    async with asyncio.timeout(50):
        while await sql.fetchval("SELECT count(*) FROM live_work") == 3:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    house.cancel()

    kept = await sql.fetch(
        "SELECT live, now() - ended_at < $1 AS recent FROM live_work ORDER BY live", WINDOW
    )
    assert [tuple(row) for row in kept] == [(0, True), (1, False)]


@pytest.mark.parametrize(("months", "left"), [(2, 0), (None, 1)])
async def test_a_month_older_than_is_kept_goes_by_itself_and_none_where_all_are(
    ledger: Ledger, sql: asyncpg.Connection, tmp_path: Path, months: int | None, left: int
):
    await sql.execute("SELECT make_month('2020-05-05')")
    await sql.execute("INSERT INTO unwanted_file VALUES ('one/0.png')")

    tidying = asyncio.create_task(keep_tidy(ledger, Artifacts(f"file://{tmp_path}"), months))
    async with asyncio.timeout(20):
        # Files come last.
        while await sql.fetchval("SELECT count(*) FROM unwanted_file"):  # noqa: ASYNC110 - another connection
            await asyncio.sleep(0.02)
    tidying.cancel()

    assert await sql.fetchval("SELECT count(*) FROM pg_class WHERE relname = 'task_2020_05'") == left
