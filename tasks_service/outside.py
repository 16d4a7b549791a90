"""The one HTTP client for addresses that strangers name: results, and later reference images and webhooks.

Every address is vetted when the connection is made: all that a name resolves to must be public, and the
connection goes to what was vetted. Redirects are walked here, each hop vetted anew.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

_HOPS = 3
_PORTS = (80, 443)

# `ip_address.is_global` is not enough: on Python 3.11 it calls NAT64, 6to4, site-local and multicast global.
_REFUSED_V4 = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's host agent: looks public, is not
    )
)  # fmt: skip
_ALLOWED_V6 = ipaddress.ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.ip_network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


class NotAllowed(Exception):
    """An address that we do not visit; the words do not say why, so that they cannot be used as a scanner."""


class Unfetched(Exception):
    """The address did not answer as it should."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _REFUSED_V4)
    return ip in _ALLOWED_V6 and not any(ip in network for network in _REFUSED_V6)


class Outside:
    """Fetches from public addresses, and from the origins that operators trust (their routes)."""

    def __init__(self, trusted: Iterable[str] = (), *, connections: int = 32):
        self._trusted = frozenset(filter(None, map(origin, trusted)))
        self._vetted = _client(connections, _VettingResolver())
        self._plain = _client(connections, None)

    @asynccontextmanager
    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> AsyncGenerator[httpx.Response]:
        """Open a response to read from. Raises NotAllowed, or Unfetched for trouble on the way."""
        for _ in range(_HOPS + 1):
            client = self._client_for(url)
            request = client.build_request(
                "GET", url, headers={"accept-encoding": "identity", **(headers or {})}
            )
            try:
                response = await client.send(request, stream=True)
            except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
                raise Unfetched(type(error).__name__) from error
            try:
                if not response.is_redirect:
                    yield response
                    return
                url = _next_hop(url, response.headers.get("location", ""))
            finally:
                await response.aclose()
        raise Unfetched("too many redirects")

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(self._vetted.aclose(), self._plain.aclose())

    def _client_for(self, url: str) -> httpx.AsyncClient:
        if origin(url) in self._trusted:
            return self._plain
        vet(url)
        return self._vetted


def origin(url: str) -> str | None:
    """Scheme, host and port of an address, or None where it is none of ours to visit."""
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        return None
    if parts.scheme not in ("http", "https") or not parts.host or parts.userinfo:
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.host}:{port}"


def vet(url: str) -> None:
    """Refuse what can be refused before a name is resolved. Raises NotAllowed."""
    known = origin(url)
    if known is None:
        raise NotAllowed("address not allowed")
    parts = urlsplit(known)
    host = (parts.hostname or "").rstrip(".")
    if parts.port not in _PORTS or not host or host == "localhost":
        raise NotAllowed("address not allowed")
    # The connector skips the resolver for a literal address; 127.1 and 0x7f000001 are literals to the
    # system's resolver too, and come out of it as what they are.
    if _literal(host) and not is_public(host):
        raise NotAllowed("address not allowed")


class _VettingResolver(AbstractResolver):
    """Resolves a name once and gives out its addresses only if every one of them is public."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(info[4][0]) for info in infos]
        if not addresses or not all(map(is_public, addresses)):
            raise OSError("address not allowed")
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=info[0], proto=0, flags=socket.AI_NUMERICHOST
            )
            for address, info in zip(addresses, infos, strict=True)
        ]

    async def close(self) -> None:
        """Nothing to close."""


def _client(connections: int, resolver: AbstractResolver | None) -> httpx.AsyncClient:
    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=connections, resolver=resolver, use_dns_cache=False)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport: Any = AiohttpTransport(client=session)
    timeout = httpx.Timeout(30, connect=10)
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)


def _next_hop(url: str, location: str) -> str:
    target = urljoin(url, location)
    if not location or (url.startswith("https:") and not target.startswith("https:")):
        raise NotAllowed("address not allowed")
    return target


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
