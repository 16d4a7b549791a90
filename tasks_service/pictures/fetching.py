"""Fetches reference images from addresses that customers name: little at a time, and telling little."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from tasks_service.outside import NotAllowed, Outside, Unfetched, origin
from tasks_service.pictures.flaws import Flaw
from tasks_service.pictures.memory import Hold
from tasks_service.pictures.room import Room, Shares

# A failure takes at least this long, so that a closed port and a forbidden address cannot be told apart.
_LEAST_S = 1.0
_PER_HOST = 8  # of the places one host may take at most a fourth, and never more than this
_QUEUE = 4  # for each place


class Fetching:
    """Fetches within limits of bytes and time.

    Each host and each account has places of its own: a slow host may have a thousand names.
    What lies at our own address (`ours`) is not fetched: it would be asking ourselves.
    """

    def __init__(
        self, outside: Outside, trusted: Collection[str], places: int, timeout_s: float, ours: str = ""
    ):
        self._outside = outside
        self._trusted = frozenset(map(origin, trusted))
        self._ours = origin(ours) if ours else None
        self._timeout_s = timeout_s
        queue = _QUEUE * places // 2
        self._everybody = Room(places, _QUEUE * places, timeout_s)
        self._hosts = Shares(max(min(_PER_HOST, places // 4), 1), queue, timeout_s)
        # More than one host has, so that an account's slow host does not hold up its others.
        self._accounts = Shares(max(places // 2, 1), queue, timeout_s)

    async def fetch(self, url: str, most: int, hold: Hold) -> bytes:
        """The bytes at an address. Raises Flaw, or Overloaded where too many are waiting."""
        clock = asyncio.get_running_loop()
        async with self._place(url, hold.account_id):
            began = clock.time()
            try:
                return await self._receive(url, most, hold)
            except Flaw as flaw:
                found = flaw
            except (NotAllowed, Unfetched, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
                # Forbidden, refused, silent, broken off: whoever asks must not learn which.
                found = Flaw("not_fetched", self._unreachable())
        await asyncio.sleep(max(began + _LEAST_S - clock.time(), 0))
        raise found

    async def close(self) -> None:
        """Let go of the connections."""
        await self._outside.close()

    @asynccontextmanager
    async def _place(self, url: str, account_id: int) -> AsyncGenerator[None]:
        """First in the queues of the host and the account: who waits there takes no place from others."""
        async with AsyncExitStack() as places:
            await places.enter_async_context(self._hosts.place((account_id, origin(url))))
            await places.enter_async_context(self._accounts.place(account_id))
            await places.enter_async_context(self._everybody.place())
            yield

    async def _receive(self, url: str, most: int, hold: Hold) -> bytes:
        if self._ours is not None and origin(url) == self._ours:
            raise NotAllowed
        trusted = url if origin(url) in self._trusted else None
        async with asyncio.timeout(self._timeout_s), self._outside.get(url, trusted=trusted) as response:
            if response.status_code != 200:
                raise Flaw("not_fetched", f"The image's address answered with status {response.status_code}.")
            if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
                # A few bytes of it could become any number; and we asked for none.
                raise Flaw("not_fetched", "The image came with a Content-Encoding; serve it as it is.")
            announced = response.headers.get("content-length", "")
            if announced.isascii() and announced.isdigit() and int(announced[:15]) > most:
                raise _too_large(most)
            return await _read(response, most, hold)

    def _unreachable(self) -> str:
        return (
            "The image could not be fetched. Its address has to be on the public internet, at a usual port, "
            f"and to give all of it within {self._timeout_s:g} s; or upload it with POST /v1/files."
        )


async def _read(response: httpx.Response, most: int, hold: Hold) -> bytes:
    """Counted on arrival: the announced length may be absent or a lie."""
    got = bytearray()
    async for chunk in response.aiter_raw():
        got += chunk
        if len(got) > most:
            raise _too_large(most)
        hold.take(len(chunk))
    return bytes(got)


def _too_large(most: int) -> Flaw:
    return Flaw("too_large", f"The image has more than {most} bytes, which is all that is taken.")
