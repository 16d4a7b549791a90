"""The one HTTP client for addresses that strangers name: results, and later reference images and webhooks.

Every address is vetted when the connection is made: all that a name resolves to must be public, and the
connection goes to what was vetted. Redirects are walked here, each hop vetted anew.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

from tasks_service.addresses import is_public, may_be_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_HOPS = 3
_PORTS = {"http": 80, "https": 443}
_TIMEOUT = httpx.Timeout(30, connect=10).as_dict()
_HEADERS = {"accept-encoding": "identity", "user-agent": "creative-task-tracker"}
# They ask for a part of a file and say nothing of us: a result whose address leads on is resumed, too.
_FOR_EVERYBODY = frozenset({"range", "if-range"})


class NotAllowed(Exception):
    """An address that we do not visit; the words do not say why, so that they cannot be used as a scanner."""

    def __init__(self) -> None:
        super().__init__("address not allowed")


class Unfetched(Exception):
    """The address did not answer as it should."""


class Outside:
    """Fetches from public addresses, and from the one origin that a call trusts."""

    def __init__(self, *, resolve: Resolve | None = None, connections: int = 32):
        # Two pools: a connection to a private address must never be found by a call that does not trust it.
        self._public = _transport(connections, _VettingResolver(resolve or _addresses_of))
        self._home = _transport(connections, None)

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, trusted: str | None = None
    ) -> AsyncGenerator[httpx.Response]:
        """Open a response to read from. Raises NotAllowed, or Unfetched for trouble on the way.

        `trusted` is the base URL of the task's own route: its origin is not vetted until a redirect has left
        it once. The headers go to the first origin only, except those that ask for a part.
        """
        home, first = origin(trusted) if trusted else None, origin(url)
        at_home = home is not None
        for _ in range(_HOPS + 1):
            here = origin(url)
            at_home = at_home and here == home
            if not at_home:
                vet(url)
            if here != first:
                headers = _for_everybody(headers)
            response = await _send(self._home if at_home else self._public, url, headers)
            try:
                if not response.has_redirect_location:
                    yield response
                    return
                url = _next_hop(url, response.headers["location"])
            finally:
                with suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
                    await response.aclose()
        raise Unfetched("too many redirects")

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(self._public.aclose(), self._home.aclose())


def origin(url: str) -> str | None:
    """Scheme, host and port of an address, or None where it is none of ours to visit."""
    try:
        parts = httpx.URL(url)
        host = parts.raw_host.decode("ascii")
    except (httpx.InvalidURL, TypeError, ValueError):
        return None
    if parts.scheme not in _PORTS or not host or parts.userinfo:
        return None
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def vet(url: str) -> None:
    """Refuse what can be refused before a name is resolved. Raises NotAllowed."""
    known = origin(url)
    if known is None:
        raise NotAllowed
    host, _, port = known.partition("://")[2].rpartition(":")
    if int(port) not in _PORTS.values() or not may_be_public(host.strip("[]")):
        raise NotAllowed


class _VettingResolver(AbstractResolver):
    """Resolves a name once and gives out its addresses only if every one of them is public."""

    def __init__(self, resolve: Resolve):
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await self._resolve(host, port)
        if not all(map(is_public, addresses)):
            raise NotAllowed
        if not addresses:
            raise OSError("the name has no address")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@cache
def authorities() -> ssl.SSLContext:
    """Whom we believe who an address belongs to: SSL_CERT_FILE, or what certifi brings.

    Read once, since reading them takes 20 ms and a megabyte. A connector must be told them: aiohttp's own
    choice is what OpenSSL finds on the machine, which may be nobody.
    """
    return httpx.create_ssl_context()


async def _addresses_of(host: str, port: int) -> list[str]:
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]


def _transport(connections: int, resolver: AbstractResolver | None) -> AiohttpTransport:
    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=connections, resolver=resolver, use_dns_cache=False, ssl=authorities()
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=authorities(), client=session)


async def _send(transport: AiohttpTransport, url: str, headers: Mapping[str, str] | None) -> httpx.Response:
    """Straight to the transport: httpx's client would read a redirect's address itself, and trip over it."""
    try:
        # The authority in our own spelling, so that the library underneath cannot read it otherwise than we.
        target = f"{origin(url)}{httpx.URL(url).raw_path.decode('ascii')}"
        request = httpx.Request(
            "GET", target, headers={**_HEADERS, **(headers or {})}, extensions={"timeout": _TIMEOUT}
        )
        return await transport.handle_async_request(request)
    except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError, TypeError) as error:
        raise Unfetched(type(error).__name__) from error


def _for_everybody(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    return {name: value for name, value in (headers or {}).items() if name.lower() in _FOR_EVERYBODY}


def _next_hop(url: str, location: str) -> str:
    try:
        target = str(httpx.URL(url).join(location))
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise NotAllowed from error
    if not location or (url.lower().startswith("https:") and not target.startswith("https:")):
        raise NotAllowed
    return target
