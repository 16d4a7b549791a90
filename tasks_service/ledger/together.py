"""Questions that are asked at the same time are answered by one statement.

Nobody waits for others to come: whoever asks while a statement is under way goes with the next, which begins
after it was asked and so sees all that was committed before. Where the first takes long, as on a connection
that was cut without a word, the next does not wait for it either.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from itertools import chain
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Answer = TypeVar("_Answer")
_MOST_AT_ONCE = 128
_PATIENCE_S = 0.5  # with a statement that others wait for


class Together(Generic[_Key, _Answer]):
    """Collects keys, asks for them together, and hands each its answer."""

    def __init__(self, ask: Callable[[list[_Key]], Awaitable[Mapping[_Key, _Answer]]]):
        self._ask = ask
        self._waiting: dict[_Key, list[asyncio.Future[_Answer | None]]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._late: set[asyncio.Task[None]] = set()

    async def answer(self, key: _Key) -> _Answer | None:
        """What there is under a key; None where there is nothing."""
        future: asyncio.Future[_Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_for_all())
        return await future

    async def _ask_for_all(self) -> None:
        me = asyncio.current_task()
        try:
            while self._waiting and self._asking is me:
                await self._ask_for_some()
        finally:
            if self._asking is me:
                self._asking = None

    def _go_on_without(self) -> None:
        if (late := self._asking) is not None:
            self._late.add(late)
            late.add_done_callback(self._late.discard)
        self._asking = asyncio.create_task(self._ask_for_all()) if self._waiting else None

    async def _ask_for_some(self) -> None:
        keys = list(self._waiting)[:_MOST_AT_ONCE]
        asked = {key: self._waiting.pop(key) for key in keys}
        patience = asyncio.get_running_loop().call_later(_PATIENCE_S, self._go_on_without)
        try:
            found = await self._ask(keys)
        except Exception as error:
            for future in chain.from_iterable(asked.values()):
                if not future.done():  # whoever left waits no more
                    future.set_exception(error)
            return
        finally:
            patience.cancel()
        for key, futures in asked.items():
            answer = found.get(key)
            for future in futures:
                if not future.done():
                    future.set_result(answer)
