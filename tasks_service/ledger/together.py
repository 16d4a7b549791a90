"""Questions that are asked at the same time are answered by one statement.

There is no timer: whoever asks while a statement is under way goes with the next, which begins after it was
asked and so sees all that was committed before. Alone, nobody waits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from itertools import chain
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Answer = TypeVar("_Answer")
_MOST_AT_ONCE = 128


class Together(Generic[_Key, _Answer]):
    """Collects keys, asks for them together, and hands each its answer."""

    def __init__(self, ask: Callable[[list[_Key]], Awaitable[Mapping[_Key, _Answer]]]):
        self._ask = ask
        self._waiting: dict[_Key, list[asyncio.Future[_Answer | None]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def answer(self, key: _Key) -> _Answer | None:
        """What there is under a key; None where there is nothing."""
        future: asyncio.Future[_Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_for_all())
        return await future

    async def _ask_for_all(self) -> None:
        try:
            while self._waiting:
                await self._ask_for_some()
        finally:
            self._asking = None

    async def _ask_for_some(self) -> None:
        keys = list(self._waiting)[:_MOST_AT_ONCE]
        asked = {key: self._waiting.pop(key) for key in keys}
        try:
            found = await self._ask(keys)
        except Exception as error:
            for future in chain.from_iterable(asked.values()):
                if not future.done():  # whoever left waits no more
                    future.set_exception(error)
            return
        for key, futures in asked.items():
            answer = found.get(key)
            for future in futures:
                if not future.done():
                    future.set_result(answer)
