"""Whoever looks, in a process of its own: a bare aiohttp, httpx over aiohttp, or our watch.

`python -m tests.benchmarks.rig.looking WAY` reads a job from standard input and writes what it saw to standard output.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import orjson
import uvloop
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

from schemas.capabilities import Model
from schemas.routes import Route
from tasks_service import metrics
from tasks_service.doorbell import SilentDoorbell
from tasks_service.settings import Settings
from workers.poll import Poll
from workers.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Job:
    """Look at the studio for so long; our watch first waits until it has so many tasks."""

    studio: str
    seconds: float
    at_once: int = 100
    dsn: str = ""
    folder: str = ""
    tasks: int = 0
    pace_s: float = 0.0
    lease_s: float = 20.0
    until_none: bool = False  # ends when nothing is watched any more


@dataclass(frozen=True, slots=True)
class Saw:
    """How many looks, what they cost, and how late they began."""

    looks: int
    seconds: float
    cpu_s: float
    late_p50_s: float = 0.0
    late_p99_s: float = 0.0
    bytes_a_task: float = 0.0
    claimed_after_s: float = 0.0

    @property
    def us(self) -> float:
        """Processor time of one look."""
        return self.cpu_s / max(self.looks, 1) * 1e6


async def look(way: str, job: Job) -> Saw:
    """Look from a process of its own."""
    return await saw(await begin(way, job))


async def begin(way: str, job: Any, program: str = __name__) -> asyncio.subprocess.Process:
    """Start looking; `saw` waits for the end of it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", program, way, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
    await process.stdin.drain()
    return process


async def ready(process: asyncio.subprocess.Process) -> None:
    """Returns when our watch is about to claim."""
    assert process.stdout is not None
    await process.stdout.readline()


async def saw(process: asyncio.subprocess.Process) -> Saw:
    """What it saw."""
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("whoever looked broke")
    return Saw(**json.loads(out.splitlines()[-1]))


async def _bare(job: Job, ask: Callable[[str], Awaitable[bytes]]) -> Saw:
    numbers, looks = count(), 0
    until = time.perf_counter() + job.seconds

    async def go_on() -> None:
        nonlocal looks
        while time.perf_counter() < until:
            orjson.loads(await ask(f"{job.studio}/sandbox/v1/jobs/job-9000000000000-{next(numbers)}"))
            looks += 1

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(go_on() for _ in range(job.at_once)))
    return Saw(looks, time.perf_counter() - began, time.process_time() - cpu)


async def _aiohttp(job: Job) -> Saw:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(url: str) -> bytes:
            async with session.get(url) as response:
                return await response.read()

        return await _bare(job, ask)


async def _httpx(job: Job) -> Saw:
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    async with httpx.AsyncClient(transport=AiohttpTransport(client=session)) as client:

        async def ask(url: str) -> bytes:
            return (await client.get(url)).content

        return await _bare(job, ask)


async def _watch(job: Job) -> Saw:
    lags: list[float] = []
    Model.pace = lambda self, age_s: job.pace_s
    metrics.LOOK_LAG.observe = lambda amount, exemplar=None: lags.append(amount)
    route = Route(
        name="studio",
        provider="sandbox",
        base_url=job.studio,
        credential=SecretStr("k" * 20),
        max_concurrency=job.at_once,
    )
    settings = Settings(
        database_url=SecretStr(job.dsn), data_folder=Path(job.folder), routes=(route,), lease_s=job.lease_s,
        # These stand for young tasks: nobody is to be asked about them.
        stalled_after_s=1e6,
    )  # fmt: skip
    bench = await Workbench.open(settings, SilentDoorbell())
    print("ready", flush=True)
    poll, memory, began = Poll(bench, capacity=200_000), _memory(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        working = [group.create_task(poll.keep_leases())]
        while len(poll._watched) < job.tasks:
            await poll.drain()
            await asyncio.sleep(0.05)
        claimed_after_s, memory = time.perf_counter() - began, _memory() - memory
        working.append(group.create_task(poll.run()))
        # What is looked at for the first time is written down; what counts are the looks after that.
        while any(watched.meaning is None for watched in poll._watched.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        lags.clear()
        began, cpu = time.perf_counter(), time.process_time()
        until = began + job.seconds
        while time.perf_counter() < until and (poll._watched or not job.until_none):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        seen, cpu, took = sorted(lags), time.process_time() - cpu, time.perf_counter() - began
        for one in working:
            one.cancel()
    await poll.stop(5)
    await bench.close()
    late = (seen[len(seen) // 2], seen[len(seen) * 99 // 100]) if seen else (0.0, 0.0)
    return Saw(len(seen), took, cpu, *late, memory / max(job.tasks, 1), claimed_after_s)


def _memory() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


async def _main(way: str) -> None:
    job = Job(**json.loads(sys.stdin.readline()))
    ways: dict[str, Callable[[Job], Awaitable[Any]]] = {"aiohttp": _aiohttp, "httpx": _httpx, "watch": _watch}
    print(json.dumps(asdict(await ways[way](job))))


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1]))
