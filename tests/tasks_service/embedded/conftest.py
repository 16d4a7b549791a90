"""Data folders, and other Pythons to run things in, for the tests with real servers."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tasks_service import embedded
from tasks_service.embedded import Postgres

PROJECT = str(Path(embedded.__file__).parents[2])
CONNECT: Any = asyncpg.connect
START_OR_EXPLAIN = """
import sys
from pathlib import Path
from tasks_service.embedded import EngineError, describe_valkey, start_postgres
print(describe_valkey())
try:
    server = start_postgres(Path(sys.argv[1]), throwaway=True)
except EngineError as error:
    sys.exit(str(error))
print(server.dsn, server.detail, sep="\\n")
server.discard()
"""


@pytest.fixture
def folder() -> Generator[Path]:
    """A data folder every user can reach (those pytest makes are private)."""
    top = Path(tempfile.mkdtemp(prefix="ct-"))
    top.chmod(0o755)
    yield top / "data"
    shutil.rmtree(top)


@pytest.fixture
def private() -> Generator[Path]:
    """A data folder only its owner can reach."""
    top = Path(tempfile.mkdtemp(prefix="ct-"))
    yield top / "data"
    shutil.rmtree(top)


@pytest.fixture
def ask() -> Callable[[Postgres, str], Any]:
    """Sends one query over a connection of its own."""

    async def send(server: Postgres, query: str) -> Any:
        connection = await CONNECT(server.dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return lambda server, query: asyncio.run(send(server, query))


@pytest.fixture
def run_python() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a script in a Python of its own, with a nearly empty environment."""

    def run(script: str, folder: Path, *flags: str, program: str = sys.executable, **options: Any) -> Any:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PROJECT, "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= options.pop("env", {})
        command = [program, *flags, "-c", script, str(folder)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd="/",
            env=environment,
            **options,
        )

    return run


@pytest.fixture
def start_or_explain(run_python: Callable[..., Any]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Starts PostgreSQL in a Python of its own the way the command line does: a sentence and exit code 1."""

    def run(folder: Path, *flags: str, before: str = "", **env: str) -> Any:
        return run_python(before + START_OR_EXPLAIN, folder, *flags, env=env)

    return run
