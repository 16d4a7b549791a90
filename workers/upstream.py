"""Drives a provider's flow over HTTP; the only code that calls providers.

What every provider needs is here once: the credential, the deadline, evidence without secrets, and the
difference between "never sent" and "may have arrived".
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport
from prometheus_client import Counter, Histogram
from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Spend
from schemas.providers import PROVIDERS
from schemas.redaction import Redactor
from schemas.routes import Route
from schemas.upstream import Ask, Flow, Observation, Recovery, Reply
from tasks_service import metrics
from tasks_service.ledger.history import Call
from tasks_service.outside import authorities
from workers.evidence import Exchange, Scribe
from workers.letter import credential_of
from workers.line import TOO_LATE, Line, TooLate, line, watched_lines
from workers.wire import LARGEST_REPLY, Broken, Wire

log = get_logger()


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

    @property
    def left(self) -> bool:
        """Whether anything of a paid request may have left us."""
        return any(exchange.ask.spends and exchange.left for exchange in self.exchanges)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The exchanges as evidence; made only where it is kept, since most looks teach nothing.

        Of a look-up only the one that decided: the pages of a list before it tell of other tasks.
        """
        searched = self.last is not None and self.last.purpose == "lookup"
        return tuple(map(self.scribe.call, self.exchanges[-1:] if searched else self.exchanges))


@dataclass(frozen=True, slots=True)
class _Errand:
    """What one drive is for, and what it has come across."""

    purpose: str
    attempt: int
    timeout_s: float
    deadline: float | None
    exchanges: list[Exchange]

    def took(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        answer = str(exchange.reply.status) if exchange.reply else str(exchange.trouble)
        calls, seconds = _counters(exchange.route, self.purpose, answer)
        calls.inc()
        seconds.observe(exchange.seconds)


class Upstream:
    """One route: its provider's dialect at its address, with its credential."""

    def __init__(self, route: Route, redactor: Redactor):
        self.route = route
        self.provider = PROVIDERS[route.provider]
        self._scribe = Scribe(redactor)
        self._base = route.base_url.rstrip("/")
        self.credential = credential_of(route)
        # Three, so that slow downloads hold up no look and no looks a paid request. The paid one
        # gets a connection of its own each time: a kept one may turn out dead only after the write, and
        # then nobody knows whether it arrived. How much goes on at once is the steps' to say.
        self._looks, self._files, self._paid = Wire(), _client(keep=True), _client(keep=False)

    async def drive(
        self,
        flow: Flow,
        purpose: str,
        attempt: int,
        timeout_s: float,
        exchanges: list[Exchange] | None = None,
        *,
        deadline: float | None = None,
    ) -> Driven:
        """Run a flow to its end. Never raises for what the upstream does; cancellation passes through.

        `exchanges` fills up as they happen, for whoever must say what was under way when it was cancelled.
        A paid request does not leave after `deadline`, on the clock of `line.boottime`.
        """
        seen = exchanges if exchanges is not None else []
        errand = _Errand(purpose, attempt, timeout_s, deadline, seen)
        try:
            observation = await self._run(flow, errand)
        except Broken as broken:
            observation = Observation(
                spend=_spent(purpose, seen), failure=Failure(broken.kind, broken.trouble)
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # A flow that trips over an answer has not understood it; that is all we know.
            log.warning("flow_tripped", route=self.route.name, purpose=purpose, error=repr(error))
            observation = Observation(failure=Failure(FailureKind.UNKNOWN, "the answer could not be read"))
        return self.driven(observation, seen)

    def driven(self, observation: Observation, exchanges: Sequence[Exchange] = ()) -> Driven:
        """An observation, fit to be kept, with its evidence."""
        return Driven(self._scribe.clean(observation, self.provider.states), tuple(exchanges), self._scribe)

    async def open(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Open a result that lies behind the route's own credential; the caller closes it."""
        request = self._request(Ask("GET", path, headers=headers or {}), self._files)
        # The whole download has a long deadline, so a line that falls silent needs a short one.
        request.extensions["timeout"] = httpx.Timeout(30, connect=10).as_dict()
        try:
            return await self._files.send(request, stream=True)
        except aiohttp.ClientError as error:
            # The transport passes on as they are those for which it knows no name of httpx.
            raise httpx.RemoteProtocolError(_name(error)) from error

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(self._looks.close(), self._files.aclose(), self._paid.aclose())

    async def _run(self, flow: Flow, errand: "_Errand") -> Observation:
        reply: Reply | None = None
        while True:
            try:
                ask = next(flow) if reply is None else flow.send(reply)
            except StopIteration as end:
                return end.value
            reply = await self._exchange(ask, errand)

    async def _exchange(self, ask: Ask, errand: "_Errand") -> Reply:
        sent_at, started = datetime.now(UTC), time.perf_counter()
        reply: Reply | None = None
        trouble: str | None = None
        with line(errand.deadline if ask.spends else None, paid=ask.spends) as out:
            try:
                reply = await self._send(ask, errand.timeout_s, out)
                return reply
            except Broken as broken:
                trouble = broken.trouble
                raise
            except asyncio.CancelledError:
                trouble = "Cancelled"
                raise
            finally:
                seconds = time.perf_counter() - started
                told = trouble or (None if reply else "Unknown")
                errand.took(
                    Exchange(
                        ask,
                        errand.purpose,
                        errand.attempt,
                        self.route.name,
                        sent_at,
                        seconds,
                        reply,
                        told,
                        out.made,
                        errand.purpose == "lookup" and self.provider.recovery is Recovery.LIST_RECENT,
                    )
                )

    async def _send(self, ask: Ask, timeout_s: float, out: Line) -> Reply:
        if not ask.spends and ask.form is None and not ask.parts:
            # There may be thousands of them a second.
            return await self._looks.ask(ask, self._base + ask.path, partial(self._headers, ask), timeout_s)
        client = self._paid if ask.spends else self._files
        try:
            request = self._request(ask, client)
        except (ValueError, TypeError, httpx.InvalidURL) as error:
            # A credential with a letter that no header can hold, most likely.
            raise Broken(type(error).__name__, FailureKind.KEY_MALFORMED) from error
        try:
            async with asyncio.timeout(timeout_s):
                response = await client.send(request, stream=True)
                return await _read(response)
        except TimeoutError as error:
            raise Broken("Timeout", FailureKind.TIMEOUT if out.made else FailureKind.NETWORK) from error
        except TooLate as error:
            raise Broken(TOO_LATE, FailureKind.TIMEOUT) from error
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            kind = FailureKind.STREAM_INTERRUPTED if out.made else FailureKind.NETWORK
            raise Broken(_name(error), kind) from error

    def _headers(self, ask: Ask) -> dict[str, str]:
        signed = self.provider.sign(self.route.credential.get_secret_value(), ask, datetime.now(UTC))
        kind = {} if ask.json is None else {"content-type": "application/json"}
        return {"accept-encoding": "identity", **ask.headers, **signed, **kind}

    def _request(self, ask: Ask, client: httpx.AsyncClient) -> httpx.Request:
        content: dict[str, Any] = {}
        if ask.json is not None:
            content["content"] = orjson.dumps(ask.json)
        elif ask.form is not None or ask.parts:
            fields = [(name, (None, value)) for name, value in (ask.form or {}).items()]
            content["files"] = fields + [(p.name, (p.filename, p.content, p.type)) for p in ask.parts]
        return client.build_request(
            ask.method, self._base + ask.path, params=ask.query or None, headers=self._headers(ask), **content
        )


@lru_cache(maxsize=4096)
def _counters(route: str, purpose: str, answer: str) -> tuple[Counter, Histogram]:
    """Looked up once: that would cost as much as the counting."""
    return metrics.CALLS.labels(route, purpose, answer), metrics.CALL_SECONDS.labels(route, purpose)


def _spent(purpose: str, exchanges: Sequence[Exchange]) -> Spend:
    """What an exchange without an answer proves: something only of what was to be sent and never left."""
    left = any(exchange.ask.spends and exchange.left for exchange in exchanges)
    return Spend.NOT_CREATED if purpose == "submit" and not left else Spend.UNKNOWN


async def _read(response: httpx.Response) -> Reply:
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > LARGEST_REPLY:
                break
    finally:
        await response.aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, bytes(body))


def _name(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__


def _client(*, keep: bool) -> httpx.AsyncClient:
    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, force_close=not keep, ssl=authorities())
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[watched_lines()]
        )

    transport: Any = AiohttpTransport(verify=authorities(), client=session)
    # Deadlines are ours (asyncio.timeout); these only bound a connection that is never made.
    timeout = httpx.Timeout(None, connect=10)
    return httpx.AsyncClient(
        transport=transport, timeout=timeout, verify=authorities(), trust_env=False, follow_redirects=False
    )
