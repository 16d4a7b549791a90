"""The outside copy of the ledger's epoch: beside the artifacts, where no restore of PostgreSQL reaches it."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import obstore
import obstore.exceptions

from tasks_service.artifacts import Artifacts, StoreAway

# No task's id is named so, and no artifact lies outside of a task's folder.
_PREFIX = "epochs"
_DIGITS = 19  # of the largest bigint
_NAME = re.compile(rf"{_PREFIX}/([0-9]{{{_DIGITS}}})")
# A sender waits for this under a deadline of its own; obstore alone would try for minutes.
_PATIENCE_S = 10.0


class Epochs(Artifacts):
    """One empty object per epoch, named by its number, so that a lower one can never replace a higher one."""

    async def all(self) -> list[int]:
        """The numbers that lie outside, lowest first. Raises StoreAway."""
        async with _patient():
            listed = [entry async for batch in obstore.list(self._store, prefix=_PREFIX) for entry in batch]
        named = [_NAME.fullmatch(entry["path"]) for entry in listed]
        return sorted(int(found[1]) for found in named if found)

    async def highest(self) -> int:
        """The highest epoch that was ever used with this store; 0 where there is none. Raises StoreAway."""
        return max(await self.all(), default=0)

    async def keep(self, epoch: int) -> None:
        """Put an epoch outside; it is there for good when this returns. Raises StoreAway."""
        async with _patient():
            await obstore.put_async(self._store, _key(epoch), b"")
            if self._folder is not None:
                await asyncio.to_thread(_flush_names, self._folder / _PREFIX)

    async def forget(self, epochs: Sequence[int]) -> None:
        """Remove epochs; only ever those below one that was kept. Raises StoreAway."""
        async with _patient():
            await asyncio.gather(*(self._remove(epoch) for epoch in epochs))

    async def _remove(self, epoch: int) -> None:
        try:
            await obstore.delete_async(self._store, _key(epoch))
        except FileNotFoundError:
            # Another worker tidied up at the same time.
            return


def _key(epoch: int) -> str:
    return f"{_PREFIX}/{epoch:0{_DIGITS}}"


def _flush_names(folder: str | os.PathLike[str]) -> None:
    """The object is empty: its name is all that must outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@asynccontextmanager
async def _patient() -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            yield
    except (obstore.exceptions.BaseError, OSError, TimeoutError) as error:
        raise StoreAway(f"{type(error).__name__}: {error}"[:300]) from error
