"""The short way to ask a question: aiohttp itself, since there may be thousands of looks a second.

httpx on the same transport takes three times the processor time. What it guards is guarded here too: no
redirect is followed, nothing is unpacked, no cookie and no proxy is taken from anywhere, and no answer is
read without end.
"""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
import orjson
from yarl import URL

from schemas.failures import FailureKind
from schemas.upstream import Ask, Reply

LARGEST_REPLY = 4 << 20  # answers are JSON; results are fetched elsewhere
# Deadlines are ours (asyncio.timeout); this only bounds a connection that is never made.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10)


class Broken(Exception):
    """An exchange without an answer."""

    def __init__(self, trouble: str, kind: FailureKind):
        super().__init__(trouble)
        self.trouble = trouble
        self.kind = kind


class Wire:
    """Kept connections to one route, for questions that cost nothing."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, ask: Ask, url: str, signed: Callable[[], Mapping[str, str]], timeout_s: float
    ) -> Reply:
        """One exchange. Raises Broken where there is no answer."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(ask, url, signed())
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            raise Broken(type(error).__name__, FailureKind.NETWORK) from error
        except TimeoutError as error:
            raise Broken("Timeout", FailureKind.TIMEOUT) from error
        except (ValueError, TypeError) as error:
            # A credential with a letter that no header can hold, most likely.
            raise Broken(type(error).__name__, FailureKind.KEY_MALFORMED) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Broken(type(error).__name__, FailureKind.STREAM_INTERRUPTED) from error

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, ask: Ask, url: str, headers: Mapping[str, str]) -> Reply:
        for value in headers.values():
            value.encode("ascii")  # aiohttp would send it in UTF-8, and nobody could say what arrived
        address = URL(url).extend_query(ask.query) if ask.query else URL(url)
        body = None if ask.json is None else orjson.dumps(ask.json)
        session = self._session or self._open()
        async with session.request(
            ask.method, address, headers=headers, data=body, allow_redirects=False
        ) as response:
            content = await _read(response)
            known = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, known, content)

    def _open(self) -> aiohttp.ClientSession:
        # Made at the first question: a session belongs to the loop that is running then.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=_TIMEOUT,
        )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    while len(content) <= LARGEST_REPLY:
        chunk = await response.content.readany()
        if not chunk:
            return bytes(content)
        content += chunk
    # Nothing else could be asked on this connection before the rest had come.
    response.close()
    return bytes(content)
