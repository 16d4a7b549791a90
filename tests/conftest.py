"""One real PostgreSQL for the run, and a database of its own for each test, cloned from a template."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import certifi
import pytest

from tasks_service.embedded import start_postgres
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import migrate

TEMPLATE = "ledger_template"
_ROOMY = 8 << 30  # bytes: the servers of four test processes need about one


def _one_authority() -> str:
    """A file with one authority: clients are made by the thousand here, and none of them speaks to the world."""
    known, end = Path(certifi.where()).read_text(encoding="utf-8"), "-----END CERTIFICATE-----\n"
    file = Path(tempfile.gettempdir()) / f"creative-tasks-authority-{os.getuid()}.pem"
    # Others may be reading it just now: whole before it has its name.
    written = file.with_suffix(f".{os.getpid()}")
    written.write_text(known[: known.index(end)] + end, encoding="utf-8")
    written.replace(file)
    return str(file)


os.environ.setdefault("SSL_CERT_FILE", _one_authority())


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """A throw-away PostgreSQL with a migrated template in it."""
    with tempfile.TemporaryDirectory(prefix="creative-tasks-tests-", dir=_memory()) as folder:
        Path(folder).chmod(0o711)
        server = start_postgres(Path(folder) / "postgres", throwaway=True)
        try:
            asyncio.run(_make_template(server.dsn))
            yield server.dsn
        finally:
            server.discard()


@pytest.fixture
async def dsn(server_dsn: str) -> AsyncIterator[str]:
    """A fresh migrated database."""
    name = f"test_{uuid4().hex}"
    await _administer(server_dsn, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    yield dsn_for(server_dsn, name)
    await _administer(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def ledger(dsn: str) -> AsyncIterator[Ledger]:
    """The ledger on a fresh database."""
    opened = await Ledger.connect(dsn)
    yield opened
    await opened.close()


def _memory() -> str | None:
    """A folder in memory where there is much room: a disk spends more time on a test's tables than the test."""
    place = "/dev/shm"
    roomy = os.access(place, os.W_OK) and shutil.disk_usage(place).free > _ROOMY
    return place if roomy else None


def dsn_for(server_dsn: str, database: str) -> str:
    """The same server, another database."""
    return server_dsn.replace("/creative_tasks?", f"/{database}?")


async def _make_template(server_dsn: str) -> None:
    await _administer(server_dsn, f"CREATE DATABASE {TEMPLATE}")
    await migrate(dsn_for(server_dsn, TEMPLATE))


async def _administer(server_dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(server_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
