"""Servers in processes of their own, and what loading them costs."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.rig.engines import Engines, cpu_s
from tests.benchmarks.rig.load import Job, Seen, send

ROUTES = '[{"name": "sandbox", "provider": "sandbox", "base_url": "http://127.0.0.1:1"}]'
_START_S = 60


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load saw, and the processor time that one good answer took."""

    seen: Seen
    app_us: float
    postgres_us: float


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves."""

    pid: int
    port: int
    engines: Engines

    async def load(self, job: Job) -> Loaded:
        """Load it. Raises RuntimeError where nothing good came back."""
        app, database = cpu_s(self.pid), self.engines.postgres_cpu_s()
        seen = await send(job)
        if not seen.good:
            raise RuntimeError(f"the server answered nothing good: {dict(seen.answers)}")
        app, database = cpu_s(self.pid) - app, self.engines.postgres_cpu_s() - database
        return Loaded(seen, app / seen.good * 1e6, database / seen.good * 1e6)


@asynccontextmanager
async def api(engines: Engines, dsn: str, **environment: str) -> AsyncGenerator[Server]:
    """Our API."""
    chosen = {
        "REDIS_URL": engines.valkey.url if engines.valkey else "",
        "CREATIVE_TASKS_ROUTES": ROUTES,
        "CREATIVE_TASKS_DATA_FOLDER": str(engines.folder),
    }
    async with serving(
        engines, "tasks_service.cli.main", "api", DATABASE_URL=dsn, **(chosen | environment)
    ) as one:
        yield one


@asynccontextmanager
async def bare(engines: Engines, dsn: str) -> AsyncGenerator[Server]:
    """The bare app."""
    async with serving(engines, "tests.benchmarks.rig.bare", DATABASE_URL=dsn) as one:
        yield one


@asynccontextmanager
async def serving(engines: Engines, *program: str, **environment: str) -> AsyncGenerator[Server]:
    """A program of ours that listens on the port of CREATIVE_TASKS_PORT, or PORT."""
    command = (sys.executable, "-m", *program)
    async with running(engines, command, os.environ | environment) as server:
        yield server


@asynccontextmanager
async def running(
    engines: Engines, command: Sequence[str], environment: Mapping[str, str]
) -> AsyncGenerator[Server]:
    """A command that listens on the port that `{port}` in it stands for; its log goes to a file, as anywhere."""
    port = str(_free_port())
    words = [word.replace("{port}", port) for word in command]
    known = {**environment, "PORT": port, "CREATIVE_TASKS_PORT": port}
    log = engines.folder / f"server-{port}.log"
    process = _started(words, known, log)
    try:
        await _listens(process, int(port), log)
        yield Server(process.pid, int(port), engines)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


def _started(words: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(words, env=environment, stdout=out, stderr=out)


async def _listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError(f"it did not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
