"""Three times as many submissions as one process can take: what becomes of those that are accepted.

The load comes at its rate whatever the answers, and latency counts from when a request was due.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from tasks_service.ledger.ledger import Ledger
from tests.benchmarks import submit
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.load import UNIQUE, Job, Seen, request
from tests.benchmarks.rig.result import Figure, Result
from tests.benchmarks.rig.served import Server, api

NAME = "overload"
TIMES = 3
# As few as keep one process busy, so that nobody waits behind more than these.
IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class _Round:
    """One load, and the slowest answer of /healthz meanwhile."""

    seen: Seen
    health_ms: float


async def measure(bench: Bench) -> Result:
    """As many as go, then three times as many."""
    dsn = await bench.engines.database()
    ledger = await Ledger.connect(dsn, size=1)
    headers = {"authorization": f"Bearer {await ledger.keys.new('bench')}", "idempotency-key": UNIQUE}
    await ledger.close()
    sent = [request("POST", "/v1/tasks", headers, submit.body())]
    async with api(bench.engines, dsn, CREATIVE_TASKS_MAX_IN_FLIGHT=str(IN_FLIGHT)) as ours:
        capacities: list[float] = []

        async def full() -> _Round:
            found = await _load(ours, Job(ours.port, sent, bench.seconds, IN_FLIGHT))
            capacities.append(found.seen.per_s)
            return found

        async def too_full() -> _Round:
            return await _load(ours, Job(ours.port, sent, bench.seconds, rate=TIMES * capacities[-1]))

        found = await bench.in_turns({"full": full, "too full": too_full})
    full_rounds, rounds = found["full"], found["too full"]
    return Result(
        f"submissions at {TIMES} times the capacity of one API process that has at most {IN_FLIGHT} under way",
        [
            Figure("full: accepted", "req/s", [one.seen.per_s for one in full_rounds]),
            Figure("full: p99 of the accepted", "ms", [one.seen.p99_ms for one in full_rounds]),
            Figure(
                "too full: accepted", "req/s", [one.seen.per_s for one in rounds], beside="full: accepted"
            ),
            Figure(
                "too full: p99 of the accepted",
                "ms",
                [one.seen.p99_ms for one in rounds],
                beside="full: p99 of the accepted",
            ),
            Figure("too full: refused with 503", "%", [_refused(one.seen) for one in rounds]),
            Figure("too full: slowest /healthz", "ms", [one.health_ms for one in rounds]),
        ],
        [f"Answers: {', '.join(sorted({status for one in rounds for status in one.seen.answers}))}."],
    )


def _refused(seen: Seen) -> float:
    return 100 * seen.answers.get("503", 0) / sum(seen.answers.values())


async def _load(server: Server, job: Job) -> _Round:
    async with _asked_how_it_is(server) as slowest:
        loaded = await server.load(job)
    return _Round(loaded.seen, max(slowest, default=0.0))


@asynccontextmanager
async def _asked_how_it_is(server: Server) -> AsyncGenerator[list[float]]:
    """Asks /healthz ten times a second, on a line of its own; how long each took, in ms."""
    took: list[float] = []

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
            while True:
                began = time.perf_counter()
                (await client.get("/healthz")).raise_for_status()
                took.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(0.1)

    asking = asyncio.create_task(ask())
    try:
        yield took
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
