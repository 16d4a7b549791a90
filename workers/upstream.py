"""Drives a provider's flow over HTTP; the only code that calls providers.

What every provider needs is here once: the credential, the deadline, evidence without secrets, and the
difference between "never sent" and "may have arrived".
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport
from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Spend
from schemas.providers import PROVIDERS
from schemas.redaction import Redactor
from schemas.routes import Route
from schemas.upstream import Ask, Flow, Observation, Reply
from tasks_service import metrics
from tasks_service.ledger.history import Call
from workers.evidence import Exchange, Scribe

log = get_logger()

_LARGEST_REPLY = 4 << 20  # answers are JSON; results are fetched elsewhere


@dataclass(frozen=True)
class Driven:
    """What a flow came to, and the exchanges that it took."""

    observation: Observation
    exchanges: tuple[Exchange, ...]
    scribe: Scribe

    @property
    def last(self) -> Exchange | None:
        """The exchange that decided."""
        return self.exchanges[-1] if self.exchanges else None

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The exchanges as evidence; made only where it is kept, since most looks teach nothing."""
        return tuple(map(self.scribe.call, self.exchanges))


class _Broken(Exception):
    """An exchange without an answer. `sent` is False only where that is certain."""

    def __init__(self, trouble: str, *, sent: bool, kind: FailureKind):
        super().__init__(trouble)
        self.trouble = trouble
        self.sent = sent
        self.kind = kind


class Upstream:
    """One route: its provider's dialect at its address, with its credential."""

    def __init__(self, route: Route, redactor: Redactor):
        self.route = route
        self.provider = PROVIDERS[route.provider]
        self._scribe = Scribe(redactor)
        self._base = route.base_url.rstrip("/")
        # Three clients, so that slow downloads hold up no look and no looks a paid request. The paid one
        # gets a connection of its own each time: a kept one may turn out dead only after the write, and
        # then nobody knows whether it arrived. How much goes on at once is the steps' to say.
        self._looks, self._files, self._paid = _client(keep=True), _client(keep=True), _client(keep=False)

    async def drive(
        self,
        flow: Flow,
        purpose: str,
        attempt: int,
        timeout_s: float,
        exchanges: list[Exchange] | None = None,
    ) -> Driven:
        """Run a flow to its end. Never raises for what the upstream does; cancellation passes through.

        `exchanges` fills up as they happen, for whoever must say what was under way when it was cancelled.
        """
        seen = exchanges if exchanges is not None else []
        try:
            observation = await self._run(flow, purpose, attempt, timeout_s, seen)
        except _Broken as broken:
            # A later question that never left does not undo a paid request before it.
            paid = any(exchange.ask.spends for exchange in seen[:-1])
            observation = _without_answer(broken, sent=broken.sent or paid)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # A flow that trips over an answer has not understood it; that is all we know.
            log.warning("flow_tripped", route=self.route.name, purpose=purpose, error=repr(error))
            observation = Observation(failure=Failure(FailureKind.UNKNOWN, "the answer could not be read"))
        return self.driven(observation, seen)

    def driven(self, observation: Observation, exchanges: Sequence[Exchange] = ()) -> Driven:
        """An observation, fit to be kept, with its evidence."""
        return Driven(self._scribe.clean(observation), tuple(exchanges), self._scribe)

    async def open(self, path: str) -> httpx.Response:
        """Open a result that lies behind the route's own credential; the caller closes it."""
        request = self._request(Ask("GET", path), self._files)
        # The whole download has a long deadline, so a line that falls silent needs a short one.
        request.extensions["timeout"] = httpx.Timeout(30, connect=10).as_dict()
        return await self._files.send(request, stream=True)

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(self._looks.aclose(), self._files.aclose(), self._paid.aclose())

    async def _run(
        self, flow: Flow, purpose: str, attempt: int, timeout_s: float, exchanges: list[Exchange]
    ) -> Observation:
        reply: Reply | None = None
        while True:
            try:
                ask = next(flow) if reply is None else flow.send(reply)
            except StopIteration as end:
                return end.value
            reply = await self._exchange(ask, purpose, attempt, timeout_s, exchanges)

    async def _exchange(
        self, ask: Ask, purpose: str, attempt: int, timeout_s: float, exchanges: list[Exchange]
    ) -> Reply:
        sent_at, started = datetime.now(UTC), time.perf_counter()
        reply: Reply | None = None
        trouble: str | None = None
        try:
            reply = await self._send(ask, timeout_s)
            return reply
        except _Broken as broken:
            trouble = broken.trouble
            raise
        except asyncio.CancelledError:
            trouble = "Cancelled"
            raise
        finally:
            seconds = time.perf_counter() - started
            route = self.route.name
            exchanges.append(
                Exchange(
                    ask,
                    purpose,
                    attempt,
                    route,
                    sent_at,
                    seconds,
                    reply,
                    trouble or (None if reply else "Unknown"),
                )
            )
            metrics.CALLS.labels(route, purpose, str(reply.status) if reply else str(trouble)).inc()
            metrics.CALL_SECONDS.labels(route, purpose).observe(seconds)

    async def _send(self, ask: Ask, timeout_s: float) -> Reply:
        client = self._paid if ask.spends else self._looks
        try:
            request = self._request(ask, client)
        except (ValueError, TypeError, httpx.InvalidURL) as error:
            # A credential with a letter that no header can hold, most likely.
            raise _Broken(type(error).__name__, sent=False, kind=FailureKind.KEY_MALFORMED) from error
        try:
            async with asyncio.timeout(timeout_s):
                response = await client.send(request, stream=True)
                return await _read(response)
        except TimeoutError as error:
            raise _Broken("Timeout", sent=True, kind=FailureKind.TIMEOUT) from error
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            sent = not never_sent(error)
            kind = FailureKind.STREAM_INTERRUPTED if sent else FailureKind.NETWORK
            raise _Broken(_name(error), sent=sent, kind=kind) from error

    def _request(self, ask: Ask, client: httpx.AsyncClient) -> httpx.Request:
        signed = self.provider.sign(self.route.credential.get_secret_value(), ask, datetime.now(UTC))
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


def never_sent(error: BaseException) -> bool:
    """Whether it is certain that nothing of the request left us.

    httpx-aiohttp 0.2 reports every lost connection as httpx.ConnectTimeout, even one that broke after the
    whole request was written, so only aiohttp's own error underneath can be believed.
    """
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return True
    cause = error.__cause__ or error
    return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def _without_answer(broken: _Broken, *, sent: bool) -> Observation:
    spend = Spend.UNKNOWN if sent else Spend.NOT_CREATED
    return Observation(spend=spend, failure=Failure(broken.kind, broken.trouble))


async def _read(response: httpx.Response) -> Reply:
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > _LARGEST_REPLY:
                break
    finally:
        await response.aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, bytes(body))


def _name(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__


def _client(*, keep: bool) -> httpx.AsyncClient:
    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, force_close=not keep)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport: Any = AiohttpTransport(client=session)
    # Deadlines are ours (asyncio.timeout); these only bound a connection that is never made.
    timeout = httpx.Timeout(None, connect=10)
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
