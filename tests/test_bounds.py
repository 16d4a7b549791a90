"""The bounds that other tests rely on hold: they break off what is endless, and see what comes too early."""

import asyncio
import re
import signal

import pytest

from tests.order import beating, not_before_a_bell
from tests.work import a_second_of_work_at_most


def for_ever() -> None:
    while True:
        pass


def backtracking() -> None:
    re.match(r"(a+)+$", "a" * 40 + "b")


@pytest.mark.parametrize("endless", [for_ever, backtracking])
def test_endless_work_is_broken_off(endless):
    with (
        pytest.raises(pytest.fail.Exception, match=r"still at work after 0\.1 s"),
        a_second_of_work_at_most(0.1),
    ):
        endless()


def test_work_that_ends_is_left_alone_and_so_is_what_comes_after_it():
    before = signal.getsignal(signal.SIGPROF)
    with a_second_of_work_at_most():
        sum(range(1000))

    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    assert signal.getsignal(signal.SIGPROF) is before


async def test_what_ends_before_the_bell_is_too_early():
    with pytest.raises(AssertionError, match="before a bell"), not_before_a_bell(0.2):
        await asyncio.sleep(0.1)


async def test_what_waits_as_long_as_the_bell_ends_after_it():
    with not_before_a_bell(0.1):
        await asyncio.sleep(0.1)


async def test_a_beat_comes_each_time_and_none_before_it():
    with not_before_a_bell(0.3), beating(0.1) as beats:
        assert len(beats) == 0
        while len(beats) < 3:  # noqa: ASYNC110 - the loop's clock does it
            await asyncio.sleep(0)
    stopped = len(beats)
    await asyncio.sleep(0.2)

    assert len(beats) == stopped
