"""Places for so many at once, and a queue that does not grow without end."""

import asyncio
from collections.abc import AsyncGenerator
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


def _full() -> Overloaded:
    return Overloaded("Too many images are being looked at.", headers={"Retry-After": "5"})
