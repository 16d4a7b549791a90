"""The API in a process of its own: what a real server on a real socket answers."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tasks_service.ledger.ledger import Ledger

PROJECT = Path(__file__).parents[3]
PROGRAM = """
from tasks_service.app import serve
from tasks_service.logs import start_logging
from tasks_service.settings import Settings
start_logging("api")
serve(Settings())
"""
ROUTES = '[{"name": "sandbox", "provider": "sandbox", "base_url": "http://127.0.0.1:1"}]'


@dataclass
class Running:
    """A process that serves."""

    process: subprocess.Popen[bytes]
    port: int
    key: str
    lines: list[bytes]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.AsyncClient:
        """A customer."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)

    async def raw(self, content: bytes, *, eof: bool = True) -> bytes:
        """Whatever comes back for these bytes until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(content.replace(b"KEY", self.key.encode()))
        if eof:
            writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), 15)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@contextmanager
def serving(dsn: str, folder: Path) -> Iterator[Running]:
    """The API on a free port; nothing that it logs may hold a stack."""
    environment = os.environ | {
        "DATABASE_URL": dsn,
        "CREATIVE_TASKS_PORT": "0",
        "CREATIVE_TASKS_DATA_FOLDER": str(folder),
        "CREATIVE_TASKS_ROUTES": ROUTES,
        "PYTHONPATH": str(PROJECT),
    }
    program = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(program, env=environment, cwd=folder, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            lines = list(_until_it_listens(process.stderr))
            drain = threading.Thread(target=lines.extend, args=(process.stderr,))
            drain.start()
            yield Running(process, json.loads(lines[-1])["port"], asyncio.run(_new_key(dsn)), lines)
        finally:
            process.kill()
    drain.join(10)
    assert not any(b"Traceback" in line for line in lines)


def _until_it_listens(stream: Iterator[bytes]) -> Iterator[bytes]:
    for line in stream:
        yield line
        if b'"listening"' in line:
            return
    raise AssertionError("it did not start")


async def _new_key(dsn: str) -> str:
    ledger = await Ledger.connect(dsn)
    try:
        return await ledger.keys.new("acme")
    finally:
        await ledger.close()
