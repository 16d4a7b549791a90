"""Drives a provider's flow over HTTP; the only code that calls providers.

What every provider needs is here once: the credential, the deadline, evidence without secrets, and the
difference between "never sent" and "may have arrived".
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport
from structlog.stdlib import get_logger
from uuid_utils.compat import uuid7

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Spend
from schemas.providers import PROVIDERS
from schemas.redaction import Redactor, without_link
from schemas.routes import Route
from schemas.upstream import Ask, Flow, Observation, Reply
from tasks_service import metrics
from tasks_service.ledger.history import Call

log = get_logger()

_LARGEST_REPLY = 4 << 20  # answers are JSON; results are fetched elsewhere
_LARGEST_EVIDENCE = 64 << 10


@dataclass(frozen=True, slots=True)
class Driven:
    """What a flow came to, and the exchanges that it took."""

    observation: Observation
    calls: tuple[Call, ...]


class _Broken(Exception):
    """An exchange without an answer. `sent` is False only where that is certain."""

    def __init__(self, trouble: str, *, sent: bool):
        super().__init__(trouble)
        self.trouble = trouble
        self.sent = sent


class Upstream:
    """One route: its provider's dialect at its address, with its credential."""

    def __init__(self, route: Route, redactor: Redactor):
        self.route = route
        self.provider = PROVIDERS[route.provider]
        self._redact = redactor
        self._base = route.base_url.rstrip("/")
        self._looks = _client(route.max_concurrency, keep=True)
        # The paid request gets a connection of its own: a kept one may turn out dead only after the write,
        # and then nobody knows whether it arrived.
        self._paid = _client(route.max_concurrency, keep=False)

    async def drive(self, flow: Flow, purpose: str, attempt: int, timeout_s: float) -> Driven:
        """Run a flow to its end. Never raises for what the upstream does; cancellation passes through."""
        calls: list[Call] = []
        try:
            observation = await self._run(flow, purpose, attempt, timeout_s, calls)
        except _Broken as broken:
            observation = _without_answer(broken)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # A flow that trips over an answer has not understood it; that is all we know.
            log.warning("flow_tripped", route=self.route.name, purpose=purpose, error=repr(error))
            observation = Observation(failure=Failure(FailureKind.UNKNOWN, "the answer could not be read"))
        return Driven(self._clean(observation), self._without_links(calls, observation))

    async def open(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        """Open a result that lies behind the route's own credential; the caller closes it."""
        request = self._request(Ask("GET", path, headers=dict(headers)), self._looks)
        # The whole download has a long deadline, so a line that falls silent needs a short one.
        request.extensions["timeout"] = httpx.Timeout(30, connect=10).as_dict()
        return await self._looks.send(request, stream=True)

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(self._looks.aclose(), self._paid.aclose())

    async def _run(
        self, flow: Flow, purpose: str, attempt: int, timeout_s: float, calls: list[Call]
    ) -> Observation:
        reply: Reply | None = None
        while True:
            try:
                ask = next(flow) if reply is None else flow.send(reply)
            except StopIteration as end:
                return end.value
            reply = await self._exchange(ask, purpose, attempt, timeout_s, calls)

    async def _exchange(
        self, ask: Ask, purpose: str, attempt: int, timeout_s: float, calls: list[Call]
    ) -> Reply:
        sent_at, started = datetime.now(UTC), time.perf_counter()
        reply: Reply | None = None
        trouble: str | None = None
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._send(ask)
                return reply
        except TimeoutError as error:
            trouble = "Timeout"
            raise _Broken(trouble, sent=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            trouble = _name(error)
            raise _Broken(trouble, sent=not never_sent(error)) from error
        finally:
            seconds = time.perf_counter() - started
            trouble = trouble or ("Cancelled" if reply is None else None)
            calls.append(self._evidence(ask, purpose, attempt, sent_at, seconds, reply, trouble))
            status = str(reply.status) if reply else str(trouble)
            metrics.CALLS.labels(self.route.name, purpose, status).inc()
            metrics.CALL_SECONDS.labels(self.route.name, purpose).observe(seconds)

    async def _send(self, ask: Ask) -> Reply:
        client = self._paid if ask.spends else self._looks
        response = await client.send(self._request(ask, client), stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _LARGEST_REPLY:
                    break
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, bytes(body))

    def _request(self, ask: Ask, client: httpx.AsyncClient) -> httpx.Request:
        signed = PROVIDERS[self.route.provider].sign(
            self.route.credential.get_secret_value(), ask, datetime.now(UTC)
        )
        content: dict[str, Any] = {}
        headers = {"accept-encoding": "identity", **ask.headers, **signed}
        if ask.json is not None:
            content["content"] = orjson.dumps(ask.json)
            headers["content-type"] = "application/json"
        elif ask.form is not None or ask.parts:
            fields = [(name, (None, value)) for name, value in (ask.form or {}).items()]
            content["files"] = fields + [(p.name, (p.filename, p.content, p.type)) for p in ask.parts]
        return client.build_request(
            ask.method, self._base + ask.path, params=ask.query or None, headers=headers, **content
        )

    def _evidence(
        self,
        ask: Ask,
        purpose: str,
        attempt: int,
        sent_at: datetime,
        seconds: float,
        reply: Reply | None,
        trouble: str | None,
    ) -> Call:
        return Call(
            id=uuid7(),
            purpose=purpose,
            attempt=attempt,
            route=self.route.name,
            method=ask.method,
            path=self._text(ask.path),
            sent_at=sent_at,
            latency_ms=round(seconds * 1000),
            status=reply.status if reply else None,
            trouble=trouble,
            upstream_request_id=self._text(reply.request_id or "")[:200] or None if reply else None,
            answer_sha256=hashlib.sha256(reply.body).digest() if reply else None,
            body=self._text(reply.body.decode("utf-8", "replace"))[:_LARGEST_EVIDENCE] if reply else None,
        )

    def _clean(self, observation: Observation) -> Observation:
        failure = observation.failure
        if failure is None:
            return observation
        clean = replace(
            failure,
            message=self._text(failure.message)[:4000],
            code=self._text(failure.code)[:200] if failure.code else None,
            request_id=self._text(failure.request_id)[:200] if failure.request_id else None,
        )
        return replace(observation, failure=clean)

    def _without_links(self, calls: list[Call], observation: Observation) -> tuple[Call, ...]:
        links = [self._text(file.url) for file in observation.files if not file.authenticated]
        if not links:
            return tuple(calls)
        return tuple(replace(call, body=reduce(without_link, links, call.body or "")) for call in calls)

    def _text(self, text: str) -> str:
        # PostgreSQL's text holds everything but NUL.
        return self._redact(text).replace("\x00", "\ufffd")


def never_sent(error: BaseException) -> bool:
    """Whether it is certain that nothing of the request left us.

    httpx-aiohttp 0.2 reports every lost connection as httpx.ConnectTimeout, even one that broke after the
    whole request was written, so only aiohttp's own error underneath can be believed.
    """
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return True
    cause = error.__cause__ or error
    return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def _without_answer(broken: _Broken) -> Observation:
    if not broken.sent:
        return Observation(spend=Spend.NOT_CREATED, failure=Failure(FailureKind.NETWORK, broken.trouble))
    kind = FailureKind.TIMEOUT if "Timeout" in broken.trouble else FailureKind.STREAM_INTERRUPTED
    return Observation(spend=Spend.UNKNOWN, failure=Failure(kind, broken.trouble))


def _name(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__


def _client(connections: int, *, keep: bool) -> httpx.AsyncClient:
    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=connections, force_close=not keep, limit_per_host=connections)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport: Any = AiohttpTransport(client=session)
    # Deadlines are ours (asyncio.timeout); these only bound a connection that is never made.
    timeout = httpx.Timeout(None, connect=10)
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
