"""The wire: requests that are not what they should be, or never end."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from tasks_service.api import protocol
from tasks_service.api.room import Room
from tests.tasks_service.api.wire import Running

HOST = b"\r\nHost: a\r\n"
POST = (
    b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\n"
)
ODD = {
    "method": b"FOO /v1/models HTTP/1.1" + HOST + b"\r\n",
    "line": b"GET /a b c HTTP/1.1" + HOST + b"\r\n",
    "connect": b"CONNECT a.test:443 HTTP/1.1" + HOST + b"\r\n",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "letters": b"GET /\xff HTTP/1.1" + HOST + b"\r\n",
    "NUL": b"GET /v1/tasks HTTP/1.1" + HOST + b"X-Request-Id: a\x00b\r\n\r\n",
    "folded": b"GET /v1/tasks HTTP/1.1" + HOST + b"X-Request-Id: a\r\n b\r\n\r\n",
    "space": b"GET /v1/tasks HTTP/1.1\r\nHost : a\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1" + HOST + b"Host: b\r\n\r\n",
    "te and cl": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "long length": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("name", ODD)
async def test_what_is_not_http_is_told_so_like_everything_else(wire: Running, name: str) -> None:
    refused(await wire.raw(ODD[name], eof=False), b"400 Bad Request", "malformed_request")


@pytest.mark.parametrize(
    "content",
    [
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1" + HOST + b"\r\n",
        b"GET /healthz HTTP/1.1" + HOST + b"A: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1" + HOST + b"A: b\r\n" * 20_000 + b"\r\n",
        b"GET /healthz HTTP/1.1" + HOST + b"A: " + b"x" * 100_000,
    ],
    ids=["path", "header", "headers", "open header"],
)
async def test_a_head_over_the_limit_is_refused(wire: Running, content: bytes) -> None:
    refused(await wire.raw(content, eof=False), b"431 Request", "headers_too_large")


async def test_headers_without_end_are_not_kept(wire: Running) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(b"GET /healthz HTTP/1.1" + HOST)
    with pytest.raises(ConnectionError):
        await endless_headers(writer)


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    for _ in range(100):
        writer.write(b"A: " + b"x" * (1 << 20) + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    "content", [b"GET /healthz HTTP/1.0\r\n\r\n", b"GET http://b.test/healthz HTTP/1.1" + HOST + b"\r\n"]
)
async def test_older_and_longer_requests_are_answered(wire: Running, content: bytes) -> None:
    assert (await wire.raw(content)).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("what", [b"websocket", b"h2c"])
async def test_another_protocol_is_not_taken_up(wire: Running, what: bytes) -> None:
    ask = b"GET /healthz HTTP/1.1" + HOST + b"Connection: Upgrade\r\nUpgrade: " + what + b"\r\n\r\n"
    answer = await wire.raw(ask, eof=False)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in answer
    assert not any(b"install" in line or b"Unsupported" in line for line in wire.lines)


async def test_an_answer_is_not_lost_to_the_nonsense_behind_it(wire: Running) -> None:
    answer = await wire.raw(b"GET /healthz HTTP/1.1" + HOST + b"\r\nFOO BAR", eof=False)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    "content",
    [
        POST + b"Content-Length: 100\r\n\r\n{}",
        b"GET /v1/tasks?%zz=%ff HTTP/1.1" + HOST + b"Authorization: Bearer KEY\r\n\r\n",
        b"GET //v1/tasks HTTP/1.1" + HOST + b"\r\n",
        b"OPTIONS * HTTP/1.1" + HOST + b"\r\n",
    ],
    ids=["cut off", "escapes", "slashes", "star"],
)
async def test_odd_requests_are_never_our_mistake(wire: Running, content: bytes) -> None:
    answer = await wire.raw(content)
    assert b" 202 " not in answer.split(b"\r\n")[0]
    assert b" 500 " not in answer
    async with wire.client() as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("length", [b"Content-Length: 99999999", b"Transfer-Encoding: chunked"])
async def test_the_line_is_closed_after_a_body_that_is_too_large(wire: Running, length: bytes) -> None:
    chunk = b"%x\r\n" % (9 << 20) + b" " * (9 << 20) if b"chunked" in length else b""
    answer = await wire.raw(POST + length + b"\r\n\r\n" + chunk, eof=False)
    refused(answer, b"413 ", "body_too_large")


@pytest.fixture
async def quick(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server that waits a second for what is owed to it."""
    monkeypatch.setattr(protocol, "PATIENCE_S", 1.0)
    config = uvicorn.Config(_slow_answer, timeout_keep_alive=75, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol.Protocol(config, state, {}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()  # type: ignore[union-attr]


async def _slow_answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/slow":
        await asyncio.sleep(2.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


GET = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA", b"a"),
        (GET % b"/", b"\r\n"),
        (GET % b"/" + b"GET / HT", b""),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n", b"x"),
    ],
    ids=["silent", "half a head", "empty lines", "half a second head", "a body that nobody reads"],
)
async def test_who_owes_us_something_is_not_waited_for_for_ever(
    quick: int, first: bytes, drip: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", quick)
    writer.write(first)
    ended = asyncio.create_task(reader.read())
    for _ in range(40):
        await asyncio.sleep(0.1)
        if ended.done():
            break
        writer.write(drip)
    assert ended.done()
    writer.close()


async def test_idle_connections_and_slow_answers_are_left_alone(quick: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", quick)
    for path in (b"/slow", b"/"):
        writer.write(GET % path)
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        await asyncio.sleep(1.5)
    assert not reader.at_eof()
    writer.close()


def refused(answer: bytes, status: bytes, code: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status), answer[:300]
    names = [line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    assert len(names) == len(set(names))
    assert {b"x-request-id", b"content-security-policy", b"cache-control", b"connection"} <= set(names)
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert (problem["code"], problem["request_id"].encode() in head) == (code, True)


async def test_head_and_body_of_an_answer_come_in_one_piece(wire: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    for _ in range(20):
        writer.write(GET % b"/healthz")
        first = await reader.read(1 << 16)
        head, end, body = first.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert (end, b"content-length: %d" % len(body) in head) == (b"\r\n\r\n", True)
    writer.close()


async def test_a_head_without_a_body_is_not_held(wire: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.write(
        POST.replace(b"KEY", wire.key.encode()) + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"{}")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_large_head_is_refused_behind_another_request_too(wire: Running) -> None:
    large = b"GET /healthz HTTP/1.1\r\nHost: a\r\nA: " + b"x" * (protocol.MOST_HEAD_BYTES + 1) + b"\r\n\r\n"
    answer = await wire.raw(GET % b"/healthz" + large, eof=False)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b" 200 " not in answer[20:], "only the first one is answered as it asks"


class _FullHouse:
    """No room for anybody but those who ask how it is, who are answered slowly."""

    def __init__(self) -> None:
        self.state = SimpleNamespace(room=Room(0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(2.5)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def test_a_no_before_it_does_not_cut_an_answer_short() -> None:
    config = uvicorn.Config(_FullHouse(), timeout_keep_alive=1, ws="none", lifespan="off", log_config=None)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol.Protocol(config, ServerState(), {}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(GET % b"/v1/models" + GET % b"/healthz")
    told = await reader.read()
    writer.close()
    server.close()
    assert told.count(b"HTTP/1.1 503 ") == 1
    assert b"HTTP/1.1 200 " in told, "and the line ended only after that"
