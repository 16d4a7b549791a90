"""HTTP/1.1 on the wire: uvicorn's fast parser, with the limits and the answers that it lacks."""

import asyncio
import sys
from typing import Any, cast
from uuid import uuid4

from httptools import HttpParserCallbackError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from schemas.refusals import MalformedRequest, Refusal
from tasks_service.api.body import IS_WHOLE
from tasks_service.api.full_house import turned_away
from tasks_service.api.middleware import GUARDS, QUIET
from tasks_service.api.problems import answer
from tasks_service.api.room import Room

MOST_HEAD_BYTES = 64 << 10
PATIENCE_S = 30.0


class HeadTooLarge(Refusal):
    """The request line and the headers are over the limit."""

    status, code, title = 431, "headers_too_large", "The headers are too large"


class Protocol(HttpToolsProtocol):
    """One connection. Who shows no key yet gets little memory and little time."""

    _timer: asyncio.TimerHandle | None = None
    _head_open = False
    _arrived = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", _Joining(transport, self.loop))
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._arrived += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_open and self._arrived > MOST_HEAD_BYTES:
            self._refuse(_too_large())
        elif self._timer is None and (self._head_open or self._trickles()):
            self._start_timer()

    def _trickles(self) -> bool:
        """Whether something comes after an answer: it ended uvicorn's own timer."""
        answered = bool(self.cycle) and self.cycle.response_complete
        return answered and self.timeout_keep_alive_task is None

    def on_message_begin(self) -> None:
        self._head_open = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._stop_timer()
        # Each head, also one that came in one piece with the request before it.
        if self._head_size() > MOST_HEAD_BYTES:
            raise _too_large()
        hosts = [name for name, _ in self.headers].count(b"host")
        version = self.parser.get_http_version() if self.parser else ""
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            raise MalformedRequest("A request of HTTP/1.1 has one Host header.")
        super().on_headers_complete()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_message_complete(self) -> None:
        self._arrived = 0
        self.scope[IS_WHOLE] = True  # type: ignore[typeddict-unknown-key]
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn where the parser gave up; ours were raised out of its callbacks."""
        error = sys.exception()
        ours = error.__context__ if error else None
        why = "its address makes no sense" if isinstance(error, HttpParserCallbackError) else str(error)
        unread = MalformedRequest(f"This cannot be read as HTTP/1.1: {why}.")
        self._refuse(ours if isinstance(ours, Refusal) else unread)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        room: Room | None = getattr(getattr(self.config.app, "state", None), "room", None)
        quick = room is not None and room.full and cycle.scope["path"] not in QUIET
        # Who does not read its answers goes the long way, where it is waited for.
        if room is None or not quick or self.flow.write_paused:
            self._unset_keepalive_if_required()  # an answer in the same step may have set it
            super()._start_asgi_task(cycle, app)
            return
        cycle.response_started = cycle.response_complete = True
        server_headers = self.server_state.default_headers
        self.transport.write(turned_away(cycle.scope, room, server_headers, keep_alive=cycle.keep_alive))
        if not cycle.keep_alive:
            self.transport.close()
        elif self.pipeline:  # of any length: each of them in a step of its own
            self.loop.call_soon(self.on_response_complete)
        else:
            self.on_response_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """No other protocol is spoken here; what follows the answer could be anything."""
        if self.cycle:
            self.cycle.keep_alive = False

    def _refuse(self, refusal: Refusal) -> None:
        if self.cycle and not self.cycle.response_complete and not self.cycle.more_body:
            # An earlier request was whole: it gets its answer, and that is the end.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if not (self.cycle and self.cycle.response_started and not self.cycle.response_complete):
            self.transport.write(_written(refusal))
        self.transport.close()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(PATIENCE_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Joining:
    """A transport that sends an answer's head together with what follows it.

    uvicorn writes them one after the other, and each would be a call of the kernel and a packet of its own.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop):
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it, or hold it for the rest of this step of the loop where it is a head."""
        if self._transport.is_closing():
            return  # whoever was queued behind another request is not told that the line is gone
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1."):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is held, and end the line."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None and not self._transport.is_closing():
            self._transport.write(head)


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(f"The request line and the headers hold at most {MOST_HEAD_BYTES} bytes.")


def _written(refusal: Refusal) -> bytes:
    request_id = f"req_{uuid4().hex}"
    response = answer(refusal, request_id)
    headers = {**GUARDS, "x-request-id": request_id, "connection": "close"}
    lines = [*response.raw_headers, *((name.encode(), value.encode()) for name, value in headers.items())]
    once = dict(reversed(lines))  # the answer's own before the guards'
    head = b"".join(b"%b: %b\r\n" % line for line in once.items())
    return STATUS_LINE[refusal.status] + head + b"\r\n" + bytes(response.body)
