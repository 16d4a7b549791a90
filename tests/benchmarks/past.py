"""A ledger with a past: lists, one task with its history, and bytes on disk, at a million tasks."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import asyncpg

from tasks_service.ledger.filters import Filters
from tasks_service.ledger.history import History
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.queries import load
from tasks_service.ledger.tasks import Tasks
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.loader import Past, fill
from tests.benchmarks.rig.result import Figure, Result

NAME = "past"
TASKS = 1_000_000
_PAGE = 51
_BARE = "the same number of tasks by their ids"
# The first is what a caller meets, on a busy machine too; the second leaves out who else was running.
_GET, _QUICKEST = "a task with its history, p99", "a task with its history, p99 of the quickest of three"
_READ = (
    # it takes many ids; here one is asked for at a time
    Tasks.queries["get"].text.replace("$1::uuid[]", "ARRAY[$1::uuid]"),
    *(History.queries[name].text for name in ("events", "calls", "notes", "artifacts")),
)
_QUERIES = load(f"{__file__.removesuffix('past.py')}rig/past.py")


async def measure(bench: Bench) -> Result:
    """Fill a ledger, and ask for what support and customers ask for."""
    past = Past(2000, constrained=True) if bench.quick else Past(TASKS)
    dsn = await bench.engines.database()
    bench.tell(f"making {past.tasks} tasks")
    began = time.monotonic()
    if wrong := await fill(dsn, past):
        raise ValueError(f"{wrong} rows would have been refused by the constraints")
    took = time.monotonic() - began
    connection = await asyncpg.connect(dsn, command_timeout=600)
    ledger = await Ledger.connect(dsn, size=1)
    try:
        lists, asked = await _lists(connection), 20 if bench.quick else 2000
        newest = [row["id"] for row in await connection.fetch(_QUERIES["newest"].text, _PAGE)]
        candidates: dict[str, Callable[[], Awaitable[float]]] = {
            _BARE: partial(_median_ms, partial(ledger.tasks.get_many, newest, None), bench.quick),
            **{
                name: partial(_median_ms, partial(ledger.tasks.page, filters, None, _PAGE), bench.quick)
                for name, filters in lists.items()
            },
            _GET: partial(_p99_ms, connection, asked, 1),
            _QUICKEST: partial(_p99_ms, connection, asked, 3),
        }
        found = await bench.in_turns(candidates)
        sizes = await _bytes_of_each(connection, past.tasks)
    finally:
        await ledger.close()
        await connection.close()
    return _result(past, took, found, sizes)


def _result(past: Past, took: float, found: Mapping[str, list[float]], sizes: Mapping[str, float]) -> Result:
    story = sizes["task"] + sizes["task_event"]
    figures = [
        Figure(_BARE, "ms", found[_BARE]),
        *(
            Figure(name, "ms", samples, beside=_BARE)
            for name, samples in found.items()
            if name.startswith("list")
        ),
        Figure(_GET, "ms", found[_GET], at_most=5),
        Figure(_QUICKEST, "ms", found[_QUICKEST], at_most=5),
        Figure("a task and its events, indexes included", "B", [story], at_most=3584),
        Figure("all that is kept of a task, indexes included", "B", [sum(sizes.values())]),
    ]
    each = ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items(), key=lambda one: -one[1]))
    return Result(
        f"at {past.tasks:,} tasks over {past.months} months; lists are pages of {_PAGE}, newest first",
        figures,
        [f"Bytes a task: {each}.", f"The ledger was made in {took:.0f} s."],
    )


async def _lists(connection: asyncpg.Connection) -> dict[str, Filters]:
    row = await connection.fetchrow(_QUERIES["typical"].text)
    account, live = row["account_id"], ["queued", "running"]
    return {
        "list, newest": Filters(),
        "list by account": Filters(account_id=account),
        "list by account and failed": Filters(account_id=account, states=["failed"]),
        "list by account and alive": Filters(account_id=account, states=live),
        "list by state, alive": Filters(states=live),
        "list by the rarest model": Filters(model=row["model"]),
        "list by the rarest failure kind": Filters(failure_kind=row["failure_kind"]),
        "list of what is parked": Filters(parked=["outcome_unknown"]),
        "list by metadata": Filters(metadata={"campaign": row["campaign"]}),
    }


async def _median_ms(ask: Callable[[], Awaitable[Any]], quick: bool) -> float:
    samples: list[float] = []
    for _ in range(2 if quick else 20):
        began = time.perf_counter()
        await ask()
        samples.append((time.perf_counter() - began) * 1000)
    return statistics.median(samples)


async def _p99_ms(connection: asyncpg.Connection, tasks: int, times: int) -> float:
    ids = [row["id"] for row in await connection.fetch(_QUERIES["some"].text, tasks)]
    await connection.execute(_QUERIES["timer"].text)
    samples = sorted(await connection.fetchval(_QUERIES["timed"].text, list(_READ), ids, times))
    return samples[int(len(samples) * 0.99)]


async def _bytes_of_each(connection: asyncpg.Connection, tasks: int) -> dict[str, float]:
    rows = await connection.fetch(_QUERIES["sizes"].text)
    sizes = {row["of_table"]: row["bytes"] / tasks for row in rows}
    return {name: size for name, size in sizes.items() if size >= 1}
