"""A process that has as much under way as it may: the others hear a quick and whole no, on lines that stay open."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

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
