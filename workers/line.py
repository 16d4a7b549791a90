"""The line that a request goes out on: when it stands, and whether it may still be used then.

Before its connection stands nothing of a request can leave us, whatever the errors are called; after that
anything may have arrived. aiohttp says when that moment is (its `TraceConfig`, aiohttp 3.14).
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp

from tasks_service.failpoints import reached

TOO_LATE = "TooLate"


class TooLate(Exception):
    """The line stands, but the time in which the request might leave has passed; nothing was sent."""


@dataclass(slots=True)
class Line:
    """One request's way out. `deadline` is on the clock of `boottime`."""

    deadline: float | None = None
    paid: bool = False
    made: bool = False


_line: ContextVar[Line | None] = ContextVar("line", default=None)


def boottime() -> float:
    """Seconds on a clock that nobody sets, and that goes on while the machine sleeps."""
    # macOS counts its sleep in the monotonic clock's own way, and has no CLOCK_BOOTTIME.
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@contextmanager
def line(deadline: float | None, *, paid: bool) -> Generator[Line]:
    """The line of the request that is made inside."""
    own = Line(deadline, paid)
    token = _line.set(own)
    try:
        yield own
    finally:
        _line.reset(token)


def watched_lines() -> aiohttp.TraceConfig:
    """What tells an aiohttp session to speak to `line`."""
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(_stands)
    trace.on_connection_reuseconn.append(_stands)
    return trace


async def _stands(session: Any, context: Any, params: Any) -> None:
    """Right before the write: a worker that was paused until now must not spend any more."""
    own = _line.get()
    if own is None:
        return
    if own.paid:
        await reached("submit.connected")
    if own.deadline is not None and boottime() >= own.deadline:
        raise TooLate
    own.made = True
