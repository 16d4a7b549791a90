"""The ledger with a past: every constraint lets it in, a seed decides it, and it can be measured."""

from uuid import uuid4

import asyncpg

from schemas.lifecycle import State
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.ledger import Ledger
from tasks_service.story import story
from tests.benchmarks.past import measure
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.engines import Engines
from tests.benchmarks.rig.loader import Past, fill
from tests.conftest import TEMPLATE, dsn_for

_ALL = "SELECT string_agg(prompt, '' ORDER BY prompt) FROM (SELECT request ->> 'prompt' AS prompt FROM task) AS t"


async def test_a_past_is_let_in_by_every_constraint_and_can_be_read(ledger: Ledger, dsn: str):
    assert await fill(dsn, Past(1500, constrained=True)) == 0

    tasks = await ledger.tasks.page(Filters(), None, 200)
    assert len(tasks) == 200
    assert {task.state for task in tasks} >= {State.DOWNLOADED, State.FAILED}
    for task in tasks[:20]:
        told = await story(ledger, task)
        assert [entry.facts["to"] for entry in told if entry.type == "state"][-1] == task.state
    assert {row["state"] for row in await ledger.tasks.live_counts()} <= {
        "submitted",
        "queued",
        "running",
        "done",
    }
    assert len({task.account_id for task in tasks}) > 5
    assert len({task.model for task in tasks}) > 3


async def test_more_than_one_month_and_nothing_that_its_constraints_would_refuse(dsn: str):
    assert await fill(dsn, Past(3000)) == 0

    connection = await asyncpg.connect(dsn)
    leaves = await connection.fetch("SELECT DISTINCT tableoid::regclass::text AS leaf FROM task")
    first = await connection.fetchval(_ALL)
    await connection.close()
    assert len(leaves) >= 3
    assert "雨" in first


async def test_a_seed_decides_what_it_is_like(server_dsn: str):
    seven, again, eight = [await _drawn(server_dsn, seed) for seed in (7, 7, 8)]

    assert seven == again != eight


async def _drawn(server_dsn: str, seed: int) -> list[tuple[str, ...]]:
    """Model, fate and failure of each task, in order."""
    name = f"past_{uuid4().hex}"
    connection = await asyncpg.connect(server_dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        dsn = dsn_for(server_dsn, name)
        await fill(dsn, Past(300, seed=seed))
        inside = await asyncpg.connect(dsn)
        rows = await inside.fetch("SELECT model, state, failure_message, upstream_id FROM task ORDER BY id")
        await inside.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
    return [tuple(row) for row in rows]


async def test_it_can_be_measured():
    with Engines() as engines:
        found = await measure(Bench(engines, rounds=3, seconds=0, quick=True))

    assert found.figure("list by account and alive").samples
    assert found.figure("all that is kept of a task, indexes included").median > 1000
