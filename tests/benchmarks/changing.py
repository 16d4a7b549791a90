"""How fast moves are written with their evidence, and how soon an upstream's end is seen on our record."""

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta

import asyncpg
from uuid_utils.compat import uuid7

from schemas.lifecycle import State
from schemas.task import Claimed
from tasks_service.ledger.history import Call
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move
from tests.benchmarks.polling import studio
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.crowd import crowd
from tests.benchmarks.rig.looking import Job, begin, ready, saw
from tests.benchmarks.rig.result import Figure, Result
from workers.changes import Change, Changes

NAME = "changing"
LEASE = timedelta(minutes=10)
_BODY = '{"id":"job-1","status":"rendering","progress":40}'
_LAGS = "SELECT extract(epoch FROM finished_at) * 1000 - split_part(upstream_id, '-', 2)::bigint FROM task WHERE state = 'done'"


async def measure(bench: Bench) -> Result:
    """One by one and together in turns; then lags, with few and many tasks alive."""
    tasks = 40 if bench.quick else 4_000
    dsn = await bench.engines.database()
    ledger = await Ledger.connect(dsn, size=10)

    async def one_by_one() -> float:
        return await _rate(dsn, ledger, min(tasks, 800), together=False)

    async def together() -> float:
        return await _rate(dsn, ledger, tasks, together=True)

    found = await bench.in_turns({"one by one": one_by_one, "together": together})
    await ledger.close()
    lags = []
    async with studio(bench) as url:
        for alive, pace_s in ((20, 0.5),) if bench.quick else ((50, 2.0), (1_000, 2.0), (10_000, 10.0)):
            bench.tell(f"lags of {alive} tasks")
            p95_s = await _lag_s(bench, url, alive, pace_s)
            lags.append(Figure(f"seen late, {alive} alive, p95", "paces", [p95_s / pace_s], at_most=1.2))
    return Result(
        "a move with its event and one exchange as evidence, 8 at once and 2000 at once; then lags in paces of 2 s and 10 s",
        [
            Figure("a transaction for each", "/s", found["one by one"]),
            Figure("together", "/s", found["together"], beside="a transaction for each", at_least=2),
            Figure("changes together", "/s", found["together"], at_least=5000),
            *lags,
        ],
    )


async def _rate(dsn: str, ledger: Ledger, tasks: int, *, together: bool) -> float:
    """Moves a second, of tasks that nobody has moved before."""
    await _empty(dsn)
    await crowd(dsn, tasks)
    claimed = await ledger.tasks.watch([State.QUEUED], tasks, LEASE, {})
    changes, gate = Changes(ledger), asyncio.Semaphore(2000 if together else 8)

    async def move(task: Claimed) -> None:
        made = Move(State.RUNNING, "provider", "upstream_said:rendering", LEASE)
        async with gate:
            if together:
                await changes.write(Change(task, (_call(task),), move=made))
                return
            async with ledger.transaction() as book:
                await book.history.record(task.id, [_call(task)])
                await book.tasks.advance(task, made)

    began = time.perf_counter()
    await asyncio.gather(*map(move, claimed))
    return len(claimed) / (time.perf_counter() - began)


def _call(task: Claimed) -> Call:
    words = ("poll", 1, task.route, "GET", f"/sandbox/v1/jobs/{task.upstream_id}")
    return Call(uuid7(), *words, datetime.now(UTC), 12, 200, None, "req-1", b"0" * 32, _BODY)


async def _empty(dsn: str) -> None:
    """The tasks of an earlier round are nobody's any more."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE task SET due_at = now() + interval '1 day' WHERE due_at IS NOT NULL")
    await connection.close()


async def _lag_s(bench: Bench, url: str, alive: int, pace_s: float) -> float:
    """The slow end of the lags between the upstream's end of a task and ours, in seconds."""
    dsn = await bench.engines.database()
    begin_s = 3 + 2 * pace_s
    job = Job(
        url, begin_s + 8 * pace_s, 200, dsn, str(bench.engines.folder), alive, pace_s, 600, until_none=True
    )
    watch = await begin("watch", job)
    await ready(watch)
    # They end over three paces, from when the watch has them all.
    await crowd(dsn, alive, int((time.time() + begin_s) * 1000), 3 * pace_s * 1000 / alive)
    await saw(watch)
    connection = await asyncpg.connect(dsn)
    lags = [float(row[0]) / 1000 for row in await connection.fetch(_LAGS)]
    await connection.close()
    return statistics.quantiles(lags, n=20)[-1]
