"""A process that has as much under way as it may: the others hear a quick and whole no, on lines that stay open."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.tasks_service.api.conftest import eventually, refused, wish
from tests.tasks_service.api.wire import Running, serving


@pytest.fixture
def narrow(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A real server with room for one."""
    monkeypatch.setenv("CREATIVE_TASKS_MAX_IN_FLIGHT", "1")
    with serving(dsn, tmp_path) as running:
        yield running


async def test_whoever_comes_on_top_is_told_so_and_may_ask_again_on_the_same_line(narrow: Running):
    async with narrow.client() as client:
        with socket.create_connection(("127.0.0.1", narrow.port)) as slow:
            slow.sendall(
                f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {narrow.key}\r\n"
                "Content-Type: application/json\r\nContent-Length: 400\r\n\r\n{".encode()
            )
            reply = await client.get("/v1/models")
            for _ in range(100):
                if reply.status_code == 503:
                    break
                reply = await client.get("/v1/models")
            problem = refused(reply, 503, "overloaded")
            mine = await client.post("/v1/tasks", json=wish(), headers={"X-Request-Id": "mine"})
            assert refused(mine, 503, "overloaded")["request_id"] == "mine"
            assert reply.headers["retry-after"] == "1"
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["cache-control"] == "no-store"
            assert problem["request_id"].startswith("req_")
            assert (await client.get("/healthz")).status_code == 200
            counted = (await client.get("/metrics")).text
            head = await client.head("/v1/models")
            assert (head.status_code, head.content) == (503, b"")
        accepted = await client.post("/v1/tasks", json=wish())
        while accepted.status_code == 503:
            accepted = await client.post("/v1/tasks", json=wish())
        listed = (await client.get("/v1/tasks")).json()["data"]

    assert accepted.status_code == 202
    assert [task["id"] for task in listed] == [accepted.json()["id"]], "what was refused left nothing"
    assert 'creative_tasks_http_requests_total{method="POST",route="unmatched",status="503"} 1.0' in counted
    await eventually(lambda: any(b'"overloaded"' in line for line in narrow.lines))
    told = [json.loads(line) for line in narrow.lines if b'"overloaded"' in line]
    assert told[0]["at_most"] == 1


@pytest.fixture
def shut(narrow: Running) -> Iterator[Running]:
    """The same, and its one place is taken for as long as the test lasts."""
    with socket.create_connection(("127.0.0.1", narrow.port)) as slow:
        slow.sendall(
            f"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {narrow.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 400\r\n\r\n{".encode()
        )
        with httpx.Client(base_url=f"http://127.0.0.1:{narrow.port}") as client:
            while client.get("/v1/models").status_code != 503:
                pass
        yield narrow


ASK = b"%b HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_thousands_on_one_line_are_all_told_so(shut: Running) -> None:
    crowd = (
        ASK % b"GET /v1/models"
    ) * 3000 + b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await shut.raw(crowd, eof=False)

    assert answer.count(b"HTTP/1.1 503 ") == 3000
    assert answer.rpartition(b"HTTP/1.1 ")[2].startswith(b"200 "), "and how it is, in its turn"


async def test_a_body_that_comes_after_its_no_is_not_taken_for_a_request(shut: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shut.port)
    writer.write(b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n")
    told = await reader.readuntil(b"\r\n\r\n")
    length = int(told.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
    assert json.loads(await reader.readexactly(length))["code"] == "overloaded"
    writer.write(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n".ljust(40) + ASK % b"HEAD /v1/models")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
    writer.write(ASK % b"GET /healthz")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_whoever_wants_no_more_is_told_and_let_go(shut: Running) -> None:
    answer = await shut.raw(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", eof=False)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nconnection: close\r\n" in answer
    old = await shut.raw(b"GET /v1/models HTTP/1.0\r\n\r\n", eof=False)
    assert old.startswith(b"HTTP/1.1 503 ")


async def test_who_does_not_read_its_answers_is_not_written_to_for_ever(shut: Running) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", shut.port, limit=1024)
    sent = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while sent < 64 << 20:
                writer.write((ASK % b"GET /v1/models") * 1000)
                sent += 1000 * len(ASK % b"GET /v1/models")
                await asyncio.wait_for(writer.drain(), 2)
    assert sent < 64 << 20, "it stopped taking requests"
    writer.transport.abort()
