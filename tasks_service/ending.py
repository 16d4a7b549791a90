"""Ends tasks for certain: one word is not always heard."""

import asyncio
from collections.abc import Iterable
from typing import Any

# Long enough for what a task does as it ends; whoever heard the first word has ended by then.
_AGAIN_S = 1.0


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when every one of them has come to its end, whatever that was.

    Before Python 3.12 `asyncio.wait_for` swallows a cancellation that comes in the moment when it is done
    (https://github.com/python/cpython/issues/86296), and redis-py sends every command through it. A loop that
    lost its cancellation in this way would go on for ever, and its process with it; so it is told again.
    """
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        done, going = await asyncio.wait(going, timeout=_AGAIN_S)
        for task in done:
            # Looked at, so that nobody is told that it was never retrieved.
            _ = task.cancelled() or task.exception()
