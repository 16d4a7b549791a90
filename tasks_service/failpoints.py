"""Named places in the code where a test makes the worst happen: a kill, a pause, an error.

In production nothing is armed and `reached` does nothing. `CREATIVE_TASKS_FAILPOINTS` arms a process, as
`point=action` or `point=action@chance`, with commas between; the actions are `kill`, `stop`, `error` and
`sleep:SECONDS`. `CREATIVE_TASKS_FAILPOINTS_LOG` names the file in which each firing is noted before it acts,
since a test whose fault never fired has proved nothing.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from structlog.stdlib import get_logger

Act = Callable[[str], Awaitable[None]]

POINTS = frozenset(
    {
        "accept.before",
        "accept.committed",
        "cancel.before",
        "cancel.committed",
        "guard.counting",
        "guard.counted",
        "guard.distrusting",
        "guard.distrusted",
        "release.before",
        "release.committed",
        "submit.claimed",
        "submit.before_intent",
        "submit.intent_committed",
        "submit.covered",
        "submit.connected",
        "submit.answered",
        "submit.before_settle",
        "submit.settling",
        "submit.settled",
        "submit.overtaken",
        "submit.ending",
        "submit.ended",
        "lookup.before_ask",
        "lookup.answered",
        "lookup.absent",
        "lookup.settled",
        "adopt.before",
        "adopt.moved",
        "poll.before_look",
        "poll.answered",
        "poll.moving",
        "poll.moved",
        "poll.remembering",
        "poll.parked",
        "poll.progress_noted",
        "poll.cancel_answered",
        "poll.ending",
        "download.before_look",
        "download.fetched",
        "download.stored",
        "download.trying_later",
        "download.ending",
        "download.recording",
        "download.recorded",
        "late.claimed",
        "late.recording",
        "late.recorded",
        "hold.putting_back",
        "hold.parking",
        "hold.ending",
        "decide.before",
        "decide.committed",
        "erase.erasing",
        "erase.committed",
        "erase.deleted",
    }
)

VARIABLES = ("CREATIVE_TASKS_FAILPOINTS", "CREATIVE_TASKS_FAILPOINTS_LOG")

log = get_logger()
_armed: dict[str, Act] = {}


class Injected(OSError):
    """The error that a failpoint raises: to the code it looks like a connection that broke."""


async def reached(point: str) -> None:
    """Do what is armed at this place; nothing, usually."""
    if _armed and (act := _armed.get(point)):
        await act(point)


def arm(point: str, act: Act) -> None:
    """Make something happen at a place of this process. Raises ValueError where there is no such place."""
    if point not in POINTS:
        raise ValueError(f"there is no failpoint {point!r}; there are {', '.join(sorted(POINTS))}")
    _armed[point] = act


def disarm() -> None:
    """Let everything go on as usual."""
    _armed.clear()


def arm_from(environment: Mapping[str, str]) -> None:
    """Arm what the environment of a process asks for. Raises ValueError for what cannot be read."""
    asked, noted_in = (environment.get(name) for name in VARIABLES)
    if asked:
        log.warning("failpoints_armed", points=asked, advice="this process breaks on purpose")
    for entry in filter(None, (asked or "").split(",")):
        point, _, script = entry.strip().partition("=")
        action, _, chance = script.partition("@")
        arm(point, partial(_fire, action=_action(action), chance=float(chance or 1), noted_in=noted_in))


async def _fire(
    point: str, *, action: Callable[[], Awaitable[None]], chance: float, noted_in: str | None
) -> None:
    if random.random() >= chance:  # noqa: S311 - not for secrets
        return
    if noted_in:
        _note(noted_in, point)
    await action()


def _note(path: str, point: str) -> None:
    # One write to an appended file is whole even where several processes share it.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{point}\n".encode())
    finally:
        os.close(descriptor)


def _action(text: str) -> Callable[[], Awaitable[None]]:
    name, _, seconds = text.partition(":")
    match name:
        case "kill":
            return partial(_signal_self, signal.SIGKILL)
        case "stop":
            return partial(_signal_self, signal.SIGSTOP)
        case "error":
            return _break
        case "sleep":
            return partial(asyncio.sleep, float(seconds))
        case _:
            raise ValueError(f"a failpoint does kill, stop, error or sleep:SECONDS, not {text!r}")


async def _signal_self(which: signal.Signals) -> None:
    os.kill(os.getpid(), which)


async def _break() -> None:
    raise Injected("a failpoint was armed here")
