"""A bound on work: what hostile input makes endless is broken off, whatever else this machine does."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import pytest


@contextmanager
def a_second_of_work_at_most(seconds: float = 1) -> Generator[None]:
    """What is done inside is broken off, and the test fails, when it has cost the processor that much.

    Other programs do not bring it nearer, since it counts our own work only. `re` listens to signals, too.
    """

    def break_off(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"it is still at work after {seconds} s of the processor's time")

    before = signal.signal(signal.SIGPROF, break_off)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
