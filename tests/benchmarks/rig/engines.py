"""Engines of our own: PostgreSQL as in production, durable, and Valkey. Started when first asked for."""

import asyncio
import os
import tempfile
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from uuid import uuid4

import asyncpg

from tasks_service.embedded import Postgres, Valkey, start_postgres, start_valkey
from tasks_service.ledger.migrate import migrate

_TICKS = os.sysconf("SC_CLK_TCK")
_Engine = TypeVar("_Engine", Postgres, Valkey)


class Engines:
    """Everything lies in one temporary folder, and goes with it."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="creative-tasks-bench-")
        self.folder = Path(self._temporary.name)
        self.folder.chmod(0o711)  # PostgreSQL's own user has to get through
        self._started: list[Postgres | Valkey] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for engine in self._started:
            engine.stop() if isinstance(engine, Valkey) else engine.discard()
        self._temporary.cleanup()

    @cached_property
    def postgres(self) -> Postgres:
        """The server."""
        server = self._note(start_postgres(self.folder / "postgres"))
        asyncio.run(_make_roomy(server.dsn))
        return server

    @cached_property
    def valkey(self) -> Valkey | None:
        """The doorbell's server; None where this machine has none."""
        started = start_valkey(self.folder / "valkey")
        return started and self._note(started)

    async def database(self) -> str:
        """The address of a fresh, migrated database."""
        postgres = await asyncio.to_thread(lambda: self.postgres)
        name = f"bench_{uuid4().hex[:12]}"
        connection = await asyncpg.connect(postgres.dsn)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        dsn = postgres.dsn.replace("/creative_tasks?", f"/{name}?")
        await migrate(dsn)
        return dsn

    def postgres_cpu_s(self) -> float:
        """Processor seconds of the server and all of its processes so far."""
        return cpu_s(self.postgres.pid, children=True)

    def _note(self, engine: _Engine) -> _Engine:
        self._started.insert(0, engine)
        return engine


async def _make_roomy(dsn: str) -> None:
    """Room for filling a ledger between two checkpoints; nothing that is measured becomes less durable."""
    connection = await asyncpg.connect(dsn)
    for name, value in {"max_wal_size": "8GB", "checkpoint_timeout": "30min"}.items():
        await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


def cpu_s(pid: int, *, children: bool = False) -> float:
    """Processor seconds of a process so far; with `children`, also of those it has and had. Linux only."""
    spent = _spent(Path(f"/proc/{pid}/stat"), ended=children)
    if children:
        spent += sum(_spent(stat) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == pid)
    return spent / _TICKS


def _fields(stat: Path) -> list[str]:
    try:
        return stat.read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parent(stat: Path) -> int | None:
    fields = _fields(stat)
    return int(fields[1]) if fields else None


def _spent(stat: Path, *, ended: bool = False) -> int:
    return sum(map(int, _fields(stat)[11 : 15 if ended else 13]))
