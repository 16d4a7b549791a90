"""Whoever brings files home, in a process of its own: a bare aiohttp that writes them to a folder, or our download step.

`python -m tests.benchmarks.rig.bringing WAY` reads a job from standard input and writes what it brought to standard output.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import asyncpg
import uvloop
from pydantic import SecretStr

from schemas.routes import Route
from tasks_service.doorbell import SilentDoorbell
from tasks_service.settings import Settings
from tests.benchmarks.rig.looking import begin
from workers.download import Download
from workers.workbench import Workbench

_CHUNK = 64 << 10
_HOME = "SELECT count(*) AS files, coalesce(sum(bytes), 0) AS bytes FROM artifact"


@dataclass(frozen=True, slots=True)
class Errand:
    """Bring so many files of the studio, so many at once."""

    studio: str
    files: int
    folder: str
    at_once: int = 8
    dsn: str = ""


@dataclass(frozen=True, slots=True)
class Brought:
    """How many bytes, in what time, and what it took; memory is what the process grew by at the most."""

    bytes: int
    seconds: float
    cpu_s: float
    memory_mb: float

    @property
    def mb_per_s(self) -> float:
        """Megabytes a second."""
        return self.bytes / 1e6 / self.seconds

    @property
    def us_per_mb(self) -> float:
        """Processor time of a megabyte."""
        return self.cpu_s / (self.bytes / 1e6) * 1e6


async def bring(way: str, errand: Errand) -> Brought:
    """Bring them from a process of its own."""
    process = await begin(way, errand, __name__)
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("whoever brought files broke")
    return Brought(**json.loads(out.splitlines()[-1]))


async def _aiohttp(errand: Errand) -> int:
    numbers, brought = iter(range(errand.files)), 0

    async def go_on(session: aiohttp.ClientSession) -> None:
        nonlocal brought
        for number in numbers:
            file = Path(errand.folder) / f"bare-{number}"
            async with session.get(f"{errand.studio}/file") as response:
                with file.open("wb") as out:
                    async for chunk in response.content.iter_chunked(_CHUNK):
                        brought += out.write(chunk)
            file.unlink()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(go_on(session) for _ in range(errand.at_once)))
    return brought


async def _ours(errand: Errand) -> int:
    route = Route(
        name="studio",
        provider="sandbox",
        base_url=errand.studio,
        credential=SecretStr("k" * 20),
        max_concurrency=errand.at_once,
    )
    settings = Settings(
        database_url=SecretStr(errand.dsn), data_folder=Path(errand.folder), routes=(route,), lease_s=30
    )
    bench = await Workbench.open(settings, SilentDoorbell())
    step, record = Download(bench), await asyncpg.connect(errand.dsn)
    while (home := await record.fetchrow(_HOME))["files"] < errand.files:
        await step.drain()
        await asyncio.sleep(0.02)
    await step.stop(5)
    await bench.close()
    await record.close()
    return int(home["bytes"])


def _most_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _main(way: str) -> None:
    errand = Errand(**json.loads(sys.stdin.readline()))
    ways: dict[str, Callable[[Errand], Awaitable[int]]] = {"aiohttp": _aiohttp, "ours": _ours}
    memory, began, cpu = _most_memory_mb(), time.perf_counter(), time.process_time()
    brought = await ways[way](errand)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps(asdict(Brought(brought, took, cpu, _most_memory_mb() - memory))))


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1]))
