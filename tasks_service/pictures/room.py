"""Places for so many at once, and a queue that does not grow without end."""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager

from schemas.refusals import Overloaded


class Room:
    """Whoever would make the queue longer, or has waited in it for too long, is told to come again later."""

    def __init__(self, places: int, queue: int, patience_s: float):
        self._places = asyncio.Semaphore(places)
        self._queue = queue
        self._patience_s = patience_s
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Hold a place. Raises Overloaded."""
        await self._enter()
        try:
            yield
        finally:
            self._places.release()

    @property
    def empty(self) -> bool:
        """Whether nobody waits for a place."""
        return self._waiting == 0 and not self._places.locked()

    async def _enter(self) -> None:
        if self._places.locked() and self._waiting >= self._queue:
            raise _full()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise _full() from error
        finally:
            self._waiting -= 1


class Shares:
    """A room for each account, or each host: whoever fills his own takes nothing from the others."""

    def __init__(self, places: int, queue: int, patience_s: float):
        self._places = places
        self._queue = queue
        self._patience_s = patience_s
        self._rooms: dict[Hashable, Room] = {}

    @asynccontextmanager
    async def place(self, whose: Hashable) -> AsyncGenerator[None]:
        """Hold one of his places. Raises Overloaded."""
        room = self._rooms.setdefault(whose, Room(self._places, self._queue, self._patience_s))
        try:
            async with room.place():
                yield
        finally:
            if room.empty and self._rooms.get(whose) is room:
                del self._rooms[whose]

    def __len__(self) -> int:
        return len(self._rooms)


def _full() -> Overloaded:
    return Overloaded("Too many images are being looked at.", headers={"Retry-After": "5"})
