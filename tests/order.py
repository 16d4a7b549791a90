"""What comes before what: a test asks for the order of events, and never how long something took."""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager


@contextmanager
def not_before_a_bell(seconds: float) -> Generator[None]:
    """What is awaited inside ends after a bell that was set before it began.

    The loop rings its bells in their order, however slow the machine is, so whoever waits that long ends later.
    """
    rung = asyncio.Event()
    bell = asyncio.get_running_loop().call_later(seconds, rung.set)
    try:
        yield
        assert rung.is_set(), f"it ended before a bell of {seconds} s"
    finally:
        bell.cancel()


@contextmanager
def beating(pace_s: float) -> Generator[Sequence[None]]:
    """Beats, as many as the loop has come to: what may happen once a beat is counted beside them.

    Each has its moment from the start, so that a slow machine delays them no more than what is counted.
    """
    loop, beats = asyncio.get_running_loop(), list[None]()

    def beat(due: float) -> None:
        nonlocal following
        beats.append(None)
        following = loop.call_at(due + pace_s, beat, due + pace_s)

    first = loop.time() + pace_s
    following = loop.call_at(first, beat, first)
    try:
        yield beats
    finally:
        following.cancel()
