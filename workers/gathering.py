"""Writes that are made together: what is asked for while one statement runs goes out with the next.

No timer holds anybody up: who is alone is written at once, and the more there are, the more go at a time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from tasks_service.ledger.connection import UNAVAILABLE

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Gathering(Generic[Asked, Answer]):
    """Gathers what concurrent callers want to write.

    `write` answers each in order, with an exception where it is one.
    """

    def __init__(
        self, write: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]], most: int
    ):
        self._write = write
        self._most = most
        self._waiting: deque[tuple[Asked, asyncio.Future[Answer]]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """Have it written, also where the caller is cancelled meanwhile, and hear what came of it."""
        heard: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, heard))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await heard

    async def finish(self, wait_s: float) -> None:
        """Wait until everything is written, but not for ever."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=wait_s)

    async def _write_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            try:
                answers = await self._try([asked for asked, _ in batch])
            except BaseException:
                for _, heard in batch:
                    heard.cancel()
                raise
            for (_, heard), answer in zip(batch, answers, strict=True):
                _tell(heard, answer)

    async def _try(self, batch: Sequence[Asked]) -> Sequence[Answer | Exception]:
        try:
            return await self._write(batch)
        except UNAVAILABLE as away:
            # The same for all, and nobody knows what was committed.
            return [_exception(away)] * len(batch)
        except Exception as error:
            if len(batch) == 1:
                return [error]
        # Nothing was written. Whoever is to blame takes no other with it.
        return [answer for asked in batch for answer in await self._try([asked])]


def _tell(heard: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if heard.done():  # whoever asked was cancelled
        return
    if isinstance(answer, Exception):
        heard.set_exception(answer)
    else:
        heard.set_result(answer)


def _exception(error: BaseException) -> Exception:
    assert isinstance(error, Exception)
    return error
