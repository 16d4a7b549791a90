"""The process itself: a real server on a real socket."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.api.conftest import submit

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

    process: Process
    port: int
    key: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.AsyncClient:
        """A customer."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)

    async def raw(self, content: bytes) -> bytes:
        """Whatever comes back for these bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(content.replace(b"KEY", self.key.encode()))
        await writer.drain()
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer


@pytest.fixture
async def running(ledger: Ledger, dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    """The API in a process of its own, on a free port."""
    environment = os.environ | {
        "DATABASE_URL": dsn,
        "CREATIVE_TASKS_PORT": "0",
        "CREATIVE_TASKS_DATA_FOLDER": str(tmp_path),
        "CREATIVE_TASKS_ROUTES": ROUTES,
        "PYTHONPATH": str(PROJECT),
    }
    program = [sys.executable, "-c", PROGRAM]
    process = await asyncio.create_subprocess_exec(*program, env=environment, cwd=tmp_path, stderr=PIPE)
    assert process.stderr is not None
    async for line in process.stderr:
        told = json.loads(line)
        if told["event"] == "listening":
            break
    else:
        pytest.fail("it did not start")
    drained = asyncio.create_task(process.stderr.read())
    yield Running(process, told["port"], await ledger.keys.new("acme"))
    if process.returncode is None:
        process.kill()
    await process.wait()
    assert b"Traceback" not in await drained


async def test_the_real_port_is_logged_and_named_in_links(running: Running) -> None:
    async with running.client() as client:
        assert (await client.get("/readyz")).json()["ready"]
        reply = await client.get("/v1/models")
        assert reply.status_code == 200
        assert "server" not in reply.headers


async def test_a_stop_lets_held_requests_go_and_is_quick(running: Running) -> None:
    async with running.client() as client:
        task = await submit(client)
        held = asyncio.create_task(client.get(f"/v1/tasks/{task['id']}?wait=60"))
        await asyncio.sleep(0.7)
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert (await held).json()["state"] == "submitted"
        await asyncio.wait_for(running.process.wait(), 10)
        assert time.monotonic() - began < 8


async def test_a_client_that_leaves_is_not_held_any_longer(running: Running) -> None:
    async with running.client() as client:
        task = await submit(client)
        for _ in range(5):
            with pytest.raises(httpx.ReadTimeout):
                await client.get(f"/v1/tasks/{task['id']}?wait=60", timeout=httpx.Timeout(10, read=0.5))
        async with asyncio.timeout(20):
            while await answered(client) < 5:  # noqa: ASYNC110 - another process has no events to share
                await asyncio.sleep(0.1)


async def answered(client: httpx.AsyncClient) -> float:
    """How many looks at a task have ended."""
    lines = (await client.get("/metrics")).text.splitlines()
    name = 'creative_tasks_http_requests_total{method="GET",route="/v1/tasks/{task_id}"'
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


async def test_head_and_large_bodies_work_on_the_wire(running: Running) -> None:
    async with running.client() as client:
        head = await client.head("/v1/models")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 100
        headers = {"Content-Type": "application/json"}
        large = await client.post("/v1/tasks", headers=headers, content=b" " * (20 << 20))
        assert large.status_code == 413
        assert (await client.get("/v1/models")).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
        b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}",
        b"GET /v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer K\x00EY\r\n\r\n",
        b"GET http://b.test/v1/tasks HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/tasks HTTP/1.0\r\n\r\n",
        b"GET /v1/tasks?%zz=%ff HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["te and cl", "two lengths", "cut off", "NUL", "absolute", "1.0", "escapes", "long path", "tls"],
)
async def test_odd_requests_are_never_our_mistake(running: Running, content: bytes) -> None:
    answer = await running.raw(content)
    assert b" 202 " not in answer.split(b"\r\n")[0]
    assert b" 500 " not in answer
    async with running.client() as client:
        assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_a_port_that_is_taken_is_an_error_of_the_system(tmp_path: Path, dsn: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = os.environ | {
            "DATABASE_URL": dsn,
            "CREATIVE_TASKS_PORT": str(taken.getsockname()[1]),
            "PYTHONPATH": str(PROJECT),
        }
        program = [sys.executable, "-c", PROGRAM]
        process = await asyncio.create_subprocess_exec(*program, env=environment, cwd=tmp_path, stderr=PIPE)
        _, told = await process.communicate()
    assert process.returncode != 0
    assert b"Address already in use" in told
