"""The edge: request ids, limits, headers, metrics, the access line, and a last answer when all else fails."""

import asyncio
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from random import getrandbits
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars
from structlog.stdlib import get_logger

from schemas.refusals import MalformedRequest, Overloaded, Refusal
from schemas.whole_keys import complete_key
from tasks_service.api.problems import answer, broken, unavailable
from tasks_service.api.room import Room
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.metrics import HTTP_REQUESTS, HTTP_SECONDS

_SAFE_ID = re.compile(r"[A-Za-z0-9._:@/+=-]{1,128}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Asked every few seconds by machines; counted, but not told, and never refused for the others' sake.
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_LINGER_S = 2.0
GUARDS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
RAW_GUARDS = tuple((name.encode(), value.encode()) for name, value in GUARDS.items())

log = get_logger()


class Edge:
    """Pure ASGI, because Starlette's own kind of middleware costs a task for every request."""

    def __init__(self, app: ASGIApp, room: Room):
        self._app = app
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._room.under_way)
        quiet = scope["path"] in QUIET
        if not quiet:
            self._room.under_way.add(exchange)
        context = bind_contextvars(request_id=exchange.request_id)
        try:
            if not quiet and self._room.over:
                # Refused early: a queue here would hide in nobody's numbers.
                raise overloaded()
            await self._app(exchange.scope, receive, exchange.send)
        except Exception as error:
            if exchange.status:
                raise  # the answer had begun; cutting the line is all that is left to say
            refusal = _last_word(error)
            await answer(refusal, exchange.request_id)(scope, receive, exchange.send)
        finally:
            self._room.under_way.discard(exchange)
            exchange.tell()
            reset_contextvars(**context)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, under_way: set[object]):
        self._receive = receive
        self._send = send
        self._under_way = under_way
        self._began = time.perf_counter()
        self._closing = False
        self.status = 0
        self.request_id = request_id_of(scope)
        self._head = scope["method"] == "HEAD"
        self.method = scope["method"] if scope["method"] in METHODS else "other"
        scope["state"] = {**scope.get("state", {}), "request_id": self.request_id, "head": self._head}
        # HEAD is GET without the body. A copy, because the server keeps an eye on its own scope.
        self.scope: Scope = {**scope, "method": "GET"} if self._head else scope

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # Slow readers of large files hold up nobody.
            self._under_way.discard(self)
            message["headers"] = self._completed(message["headers"])
        elif self._head:
            message["body"] = b""
        if self._closing and message["type"] == "http.response.body" and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    def _completed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """With what every answer has, where it does not say otherwise itself."""
        own = list(headers)
        names = {name for name, _ in own}
        self._closing = (b"connection", b"close") in own
        missing = [guard for guard in RAW_GUARDS if guard[0] not in names]
        return [*own, *missing, (b"x-request-id", self.request_id.encode())]

    async def _linger(self) -> None:
        """Let a client that still sends finish: a line that is cut at once can take the answer with it."""
        since = time.perf_counter()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while (await self._receive()).get("more_body"):
                    pass
        self._began += time.perf_counter() - since  # nobody waited for that

    def tell(self) -> None:
        """Count and log by the route's template: a raw path would make a series of every id."""
        path = getattr(self.scope.get("route"), "path", "unmatched")
        seconds = time.perf_counter() - self._began
        status = self.status or 499  # the client left, or the process stopped
        requests, times = _meters(self.method, path, status)
        requests.inc()
        times.observe(seconds)
        if path not in QUIET:
            task = self.scope.get("path_params", {}).get("task_id")
            about = {"task_id": task} if task and _SAFE_ID.fullmatch(task) else {}
            log.info(
                "request",
                method=self.method,
                route=path,
                status=status,
                latency_ms=round(seconds * 1000, 1),
                **about,
            )


@lru_cache(maxsize=1024)
def _meters(method: str, path: str, status: int) -> tuple[Counter, Histogram]:
    """Remembered: finding them by their labels takes longer than counting."""
    return HTTP_REQUESTS.labels(method, path, str(status)), HTTP_SECONDS.labels(method, path)


def _last_word(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ClientDisconnect):
        return MalformedRequest("The connection ended before the body did.")
    if isinstance(error, UNAVAILABLE):
        log.warning("ledger_away", step="api", error=repr(error))
        return unavailable()
    log.error("request_broke", exc_info=error)
    return broken()


def request_id_of(scope: Scope) -> str:
    """The client's own, where it is safe to repeat and to keep, or a new one."""
    given: list[Any] = [value for name, value in scope["headers"] if name == b"x-request-id"]
    text = given[0].decode("latin-1") if len(given) == 1 else ""
    # It goes on record with the task, where no secret may.
    safe = _SAFE_ID.fullmatch(text) and not complete_key(text)
    return text if safe else f"req_{getrandbits(128):032x}"


def overloaded() -> Overloaded:
    """What those hear who come on top."""
    return Overloaded("Too many requests are under way.", headers={"Retry-After": "1"})
