"""The process itself: a real server on a real socket."""

import asyncio
import base64
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from tests.gallery import picture
from tests.tasks_service.api.conftest import refused, submit
from tests.tasks_service.api.wire import PROGRAM, PROJECT, Running, serving

JSON = {"Content-Type": "application/json"}
MB = 1 << 20
START = b'{"model":"sandbox-video-1","prompt":"x",'


@pytest.fixture
def running(dsn: str, tmp_path: Path) -> Iterator[Running]:
    """A process of its own, to be stopped."""
    with serving(dsn, tmp_path) as found:
        yield found


async def test_the_real_port_is_logged_and_named_in_links(wire: Running) -> None:
    async with wire.client() as client:
        assert (await client.get("/readyz")).json()["ready"]
        reply = await client.get("/v1/models")
        assert reply.status_code == 200
        assert "server" not in reply.headers


async def test_a_stop_lets_held_requests_go_and_is_quick(running: Running) -> None:
    async with running.client() as client:
        task = await submit(client)
        held = asyncio.create_task(client.get(f"/v1/tasks/{task['id']}?wait=60"))
        await asyncio.sleep(0.7)
        running.process.send_signal(signal.SIGTERM)
        # Less than the thirty seconds after which it would be broken off, and the sixty for which it may be held.
        assert (await asyncio.wait_for(held, 8)).json()["state"] == "submitted"
        await asyncio.to_thread(running.process.wait, 8)


async def test_a_client_that_leaves_is_not_held_any_longer(wire: Running) -> None:
    async with wire.client() as client:
        task = await submit(client)
        before = await answered(client)
        for _ in range(5):
            with pytest.raises(httpx.ReadTimeout):
                await client.get(f"/v1/tasks/{task['id']}?wait=60", timeout=httpx.Timeout(10, read=0.5))
        async with asyncio.timeout(50):
            while await answered(client) < before + 5:  # noqa: ASYNC110 - another process has no events to share
                await asyncio.sleep(0.1)


async def answered(client: httpx.AsyncClient) -> float:
    """How many looks at a task have ended."""
    lines = (await client.get("/metrics")).text.splitlines()
    name = 'creative_tasks_http_requests_total{method="GET",route="/v1/tasks/{task_id}"'
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


async def test_head_and_large_bodies_work_on_the_wire(wire: Running) -> None:
    async with wire.client() as client:
        head = await client.head("/v1/models")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 100
        large = await client.post("/v1/tasks", headers=JSON, content=b" " * (20 * MB))
        assert (large.status_code, large.headers["connection"]) == (413, "close")
        assert (await client.get("/v1/models")).status_code == 200


async def test_other_methods_are_told_which_ones_there_are(wire: Running) -> None:
    async with wire.client() as client:
        for method, path, allow in (
            ("PUT", "/openapi.json", "GET, HEAD, OPTIONS"),
            ("TRACE", "/healthz", "GET, HEAD, OPTIONS"),
            ("PROPFIND", "/v1/models", "GET, HEAD, OPTIONS"),
        ):
            reply = await client.request(method, path)
            refused(reply, 405, "method_not_allowed")
            assert reply.headers["allow"] == allow
        options = await client.options("/openapi.json")
        assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


HEAVY = {
    "lists": ("/v1/tasks/lookup", b'{"ids":[' + b"[]," * 2_600_000 + b"[]]}", 413),
    "zeros": ("/v1/tasks", START + b'"options":{"a":[' + b"0," * 3_900_000 + b"0]}}", 400),
    "names": ("/v1/tasks", b"{" + b",".join(b'"%x":0' % n for n in range(600_000)) + b"}", 400),
    "long names": (
        "/v1/tasks",
        b"{" + b",".join(b'"%x%b":0' % (n, b"x" * 1000) for n in range(6000)) + b"}",
        400,
    ),
    "prompt": ("/v1/tasks", START.replace(b'"x"', b'"' + b"x" * 7_000_000 + b'"')[:-1] + b"}", 400),
    "escapes": ("/v1/tasks", b'{"a":"' + b'\\"' * 3_900_000, 400),
    "image": (
        "/v1/tasks",
        START
        + b'"reference_images":[{"role":"first_frame","data":"data:image/png;base64,%b"}]}'
        % base64.b64encode(picture("PNG", (1500, 1250))),
        202,
    ),
}


@pytest.mark.parametrize("name", HEAVY)
async def test_a_heavy_body_holds_up_nobody_else(wire: Running, name: str) -> None:
    path, body, status = HEAVY[name]
    async with wire.client() as other:
        # From threads, so that sending does not hold up the looking.
        posts = asyncio.gather(*(asyncio.to_thread(post, wire, path, body) for _ in range(2)))
        slowest = 0.0
        while not posts.done():
            began = worked(wire)
            assert (await other.get("/healthz")).status_code == 200
            slowest = max(slowest, worked(wire) - began)
        assert set(await posts) in ({status}, {202, 409})
        assert slowest < 1


def worked(wire: Running) -> float:
    """The server's own seconds of work, which other programs on this machine do not prolong."""
    numbers = Path(f"/proc/{wire.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def post(wire: Running, path: str, body: bytes) -> int:
    connection = HTTPConnection("127.0.0.1", wire.port, timeout=30)
    with suppress(BrokenPipeError), closing(connection):
        connection.request("POST", path, body, JSON | {"Authorization": f"Bearer {wire.key}"})
        return connection.getresponse().status
    return 413  # the line was closed before all was sent


async def test_a_query_of_thousands_of_names_is_refused_at_once(wire: Running) -> None:
    async with wire.client() as client:
        reply = await client.get("/v1/tasks?" + "&".join(f"statx{n}=1" for n in range(5000)))
        assert refused(reply, 400, "malformed_request")["problems"][0]["code"] == "too_many"
        assert len(reply.content) < 100_000


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
