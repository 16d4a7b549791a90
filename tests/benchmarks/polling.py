"""What a look costs beside a bare GET, how many tasks one worker watches, and how soon others take them over."""

import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.crowd import claimed, crowd
from tests.benchmarks.rig.looking import Job, begin, look, ready, saw
from tests.benchmarks.rig.result import Figure, Result
from tests.benchmarks.rig.served import serving

NAME = "polling"
PACE_S = 10.0
WATCHED, TAKEN_OVER = 20_000, 10_000
LEASE_S = 5.0


async def measure(bench: Bench) -> Result:
    """Looks at once in turns with bare ones; then the watch at a pace of ten seconds, and its end."""
    few, many = (50, 100) if bench.quick else (400, WATCHED)
    async with studio(bench) as url, studio(bench, latency_ms=50) as slow:
        # Each watch gives its tasks back to the next.
        folder, dsn = str(bench.engines.folder), await crowded(bench, few)
        at_once = Job(url, bench.seconds, dsn=dsn, folder=folder, tasks=few, lease_s=600)
        found = await bench.in_turns(
            {way: partial(look, way, at_once) for way in ("aiohttp", "httpx", "watch")}
        )
        bench.tell(f"watching {many} tasks")
        pace_s, seconds = (0.1, 1) if bench.quick else (PACE_S, 2 * PACE_S)
        dsn = await crowded(bench, many)
        watched = [await look("watch", Job(slow, seconds, 1000, dsn, folder, many, pace_s, 600))]
        bench.tell("taking over")
        taken = [await _take_over(bench, 100 if bench.quick else TAKEN_OVER, url)]
    return Result(
        f"looks by one process, 100 at once; {many} tasks at a pace of {PACE_S:g} s from an upstream that takes 50 ms",
        [
            Figure("GET by aiohttp, processor", "µs", [one.us for one in found["aiohttp"]]),
            Figure("GET by httpx on aiohttp, processor", "µs", [one.us for one in found["httpx"]]),
            Figure(
                "look, processor", "µs", [one.us for one in found["watch"]],
                beside="GET by aiohttp, processor", at_most=4,
            ),
            Figure(
                "the same look, processor", "µs", [one.us for one in found["watch"]],
                beside="GET by httpx on aiohttp, processor", at_most=1.5,
            ),
            Figure("looks", "/s", [one.looks / one.seconds for one in found["watch"]]),
            Figure("watched: looks", "/s", [one.looks / one.seconds for one in watched]),
            Figure("watched: a core used", "%", [100 * one.cpu_s / one.seconds for one in watched]),
            Figure("watched: looks begin late, p50", "s", [one.late_p50_s for one in watched]),
            Figure("watched: looks begin late, p99", "s", [one.late_p99_s for one in watched], at_most=1),
            Figure("watched: memory of a task", "bytes", [one.bytes_a_task for one in watched], at_most=1024),
            Figure("watched: claimed within", "s", [one.claimed_after_s for one in watched]),
            Figure(f"taken over after a kill, lease {LEASE_S:g} s", "s", taken, at_most=LEASE_S + 2),
        ],
    )  # fmt: skip


@asynccontextmanager
async def studio(bench: Bench, latency_ms: int = 0, file_mb: int = 0) -> AsyncGenerator[str]:
    """The cheap upstream."""
    program, told = "tests.benchmarks.rig.studio", {"LATENCY_MS": str(latency_ms), "FILE_MB": str(file_mb)}
    async with serving(bench.engines, program, **told) as server:
        yield f"http://127.0.0.1:{server.port}"


async def crowded(bench: Bench, tasks: int) -> str:
    """A database with so many live tasks, of which none is ever ready."""
    dsn = await bench.engines.database()
    await crowd(dsn, tasks)
    return dsn


async def _take_over(bench: Bench, tasks: int, url: str) -> float:
    """Seconds from the violent death of one worker until another holds all of its tasks."""
    dsn, folder = await crowded(bench, tasks), str(bench.engines.folder)
    first = await begin("watch", Job(url, 60, 10, dsn, folder, tasks, PACE_S, LEASE_S))
    await claimed(dsn, tasks)
    second = await begin("watch", Job(url, 0.1, 10, dsn, folder, tasks, PACE_S, LEASE_S))
    await ready(second)
    died = time.monotonic()
    first.send_signal(signal.SIGKILL)
    await first.wait()
    await claimed(dsn, tasks, times=2)
    took = time.monotonic() - died
    await saw(second)
    return took
