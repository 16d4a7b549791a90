"""The driver tells "never sent" from "may have arrived", and keeps evidence without secrets."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Spend, State
from schemas.providers import PROVIDERS, model_of
from schemas.redaction import Redactor
from schemas.routes import Route
from schemas.task import TaskRequest
from schemas.upstream import Ask, Flow, Job, Observation, Submission, accepted
from workers.evidence import Scribe
from workers.upstream import Driven, Upstream

KEY = "sk-live-abcdefghijklmnop"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers by hand, and what reached it."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        received.append(head + await reader.readexactly(length))
        await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received
    finally:
        server.close()


def saying(body: bytes, status: str = "200 OK", headers: str = "") -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)
        await writer.drain()

    return answer


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def breaks_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id": "v')
    await writer.drain()


async def says_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def paid() -> Flow:
    reply = yield Ask("POST", "/v1/make", json={"prompt": "x"}, spends=True)
    return accepted(reply, reply.text("id"), reply.text("status"), State.QUEUED)


async def drive(
    base_url: str, flow: Flow | None = None, timeout_s: float = 2, purpose: str = "submit"
) -> Driven:
    route = Route(name="r", provider="sandbox", base_url=base_url, credential=SecretStr(KEY))
    upstream = Upstream(route, Redactor([KEY]))
    try:
        return await upstream.drive(flow or paid(), purpose, 1, timeout_s)
    finally:
        await upstream.close()


@pytest.mark.parametrize("trouble", [hangs_up, resets, breaks_off])
async def test_a_line_that_is_cut_after_the_request_means_maybe_paid(trouble):
    async with answering(trouble) as (url, received):
        driven = await drive(url)

    assert len(received) == 1
    assert driven.observation.spend is Spend.UNKNOWN
    assert driven.observation.failure.kind is FailureKind.STREAM_INTERRUPTED
    assert driven.calls[0].trouble


async def test_silence_means_maybe_paid():
    async with answering(says_nothing) as (url, _):
        driven = await drive(url, timeout_s=0.3)

    assert driven.observation.spend is Spend.UNKNOWN
    assert driven.observation.failure.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nobody.invalid"])
async def test_a_connection_that_was_never_made_means_not_created(url):
    driven = await drive(url)

    assert driven.observation.spend is Spend.NOT_CREATED
    assert driven.observation.failure.kind is FailureKind.NETWORK


@pytest.mark.parametrize("purpose", ["lookup", "poll", "cancel"])
async def test_a_question_that_nobody_answered_says_nothing_about_what_was_made(purpose):
    def question() -> Flow:
        yield Ask("GET", "/tasks/tsk_1")
        return Observation()

    nobody_there = await drive("http://127.0.0.1:9", question(), purpose=purpose)
    async with answering(says_nothing) as (url, _):
        silent = await drive(url, question(), timeout_s=0.3, purpose=purpose)

    assert [one.observation.spend for one in (nobody_there, silent)] == [Spend.UNKNOWN] * 2


@pytest.mark.parametrize(
    "body", [b"", b"<html>ok</html>", b"{}", b'{"id": ""}', b'{"id": 7}', b"[1]", b"\xff\xfe", b"[" * 5000]
)
async def test_a_success_without_an_id_means_maybe_paid(body):
    async with answering(saying(body)) as (url, _):
        driven = await drive(url)

    assert driven.observation.spend is Spend.UNKNOWN


async def test_a_redirect_is_not_followed_with_a_paid_request():
    async with answering(saying(b"", "307 Temporary Redirect", "Location: /v1/elsewhere\r\n")) as (
        url,
        received,
    ):
        driven = await drive(url)

    assert len(received) == 1
    assert driven.observation.spend is Spend.UNKNOWN


async def test_a_paid_request_is_sent_once_however_often_the_server_fails():
    async with answering(saying(b"{}", "503 Service Unavailable")) as (url, received):
        await drive(url)

    assert len(received) == 1


async def test_evidence_holds_the_words_and_no_secret():
    echo = json.dumps({"error": {"message": f"bad key {KEY} \x00"}}).encode() + b"\x00"
    async with answering(saying(echo, "401 Unauthorized", "X-Request-Id: req-1\r\n")) as (url, received):
        driven = await drive(url)

    [call] = driven.calls
    assert KEY.encode() in received[0], "the upstream did get the credential"
    assert KEY not in f"{driven}"
    assert "bad key [redacted]" in call.body
    assert "\x00" not in call.body
    assert (call.status, call.upstream_request_id, call.trouble) == (401, "req-1", None)


async def test_a_flow_that_trips_over_an_answer_has_understood_nothing():
    def trips() -> Flow:
        reply = yield Ask("GET", "/")
        return Observation(State.DONE, upstream_id=reply.json["a"]["b"]["c"])

    async with answering(saying(b'{"a": null}')) as (url, _):
        driven = await drive(url, trips())

    assert driven.observation.state is None


async def test_a_form_goes_out_as_multipart_even_without_a_file():
    gateway = PROVIDERS["openai_videos"]
    model = model_of("openai_videos", "sora-2")
    request = TaskRequest(model="sora-2", prompt="a boat", size="720x1280", duration_s=4)
    async with answering(saying(b'{"id": "video_1", "status": "queued"}')) as (url, received):
        driven = await drive(url, gateway.submit(Submission(request, model, "ref")))

    assert driven.observation.upstream_id == "video_1"
    assert b"multipart/form-data" in received[0]
    assert b'name="seconds"\r\n\r\n4\r\n' in received[0]


async def test_a_later_question_that_never_left_does_not_undo_a_paid_request():
    def paid_and_then_lost() -> Flow:
        yield Ask("POST", "/v1/make", json={}, spends=True)
        # A header that cannot be sent, so this one never leaves.
        reply = yield Ask("GET", "/v1/more", headers={"x-bad": "ü"})
        return accepted(reply, "id", None, None)

    async with answering(saying(b"{}")) as (url, received):
        driven = await drive(url, paid_and_then_lost())

    assert len(received) == 1
    assert driven.observation.spend is Spend.UNKNOWN


async def test_a_paid_request_gets_a_connection_of_its_own():
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while head := await reader.read(4096):
            assert head
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"id": "u1"}')
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    route = Route(
        name="r", provider="sandbox", base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    )
    upstream = Upstream(route, Redactor())
    for _ in range(3):
        await upstream.drive(paid(), "submit", 1, 2)
    paid_connections, connections = connections, 0
    for _ in range(3):
        await upstream.drive(PROVIDERS["sandbox"].poll(Job("u1")), "poll", 1, 2)
    await upstream.close()
    server.close()

    assert (paid_connections, connections) == (3, 1)


async def test_a_credential_that_no_header_can_hold_is_never_sent():
    route = Route(
        name="r", provider="sandbox", base_url="http://127.0.0.1:9", credential=SecretStr("schlüssel")
    )
    upstream = Upstream(route, Redactor(["schlüssel"]))
    driven = await upstream.drive(paid(), "submit", 1, 2)
    await upstream.close()

    assert driven.observation.spend is Spend.NOT_CREATED
    assert driven.observation.failure.kind is FailureKind.KEY_MALFORMED
    assert "schl" not in str(driven.calls)


async def test_an_answer_without_end_is_cut():
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(64):
            writer.write(b" " * (1 << 20))
            await writer.drain()

    async with answering(endless) as (url, _):
        driven = await drive(url, timeout_s=20)

    assert len(driven.last.reply.body) < 5 << 20


@pytest.mark.parametrize("progress", [-1, 101, 100_000, 1 << 70])
def test_a_progress_that_is_none_is_not_kept(progress):
    assert Scribe(Redactor()).clean(Observation(State.RUNNING, progress=progress)).progress is None


@pytest.mark.parametrize("odd", ["\ud83d broken", "nul \x00 here", "x" * 100_000])
def test_the_upstreams_words_can_always_be_stored(odd):
    failure = Failure(FailureKind.UNKNOWN, odd, odd, 500, odd)
    clean = Scribe(Redactor()).clean(Observation(State.FAILED, status=odd, failure=failure))

    for text in (clean.status, clean.failure.message, clean.failure.code, clean.failure.request_id):
        assert "\x00" not in text
        assert len(text.encode("utf-8")) <= 16_000


def test_a_secret_at_the_cut_is_not_cut_in_half():
    words = Scribe(Redactor([KEY])).words("x" * 3990 + KEY + "y" * 100)

    assert KEY[:8] not in words
