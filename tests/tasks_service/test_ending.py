"""Tasks that are told to end, by somebody who does not go before they have."""

import asyncio

import pytest

from tasks_service import ending
from tasks_service.ending import end


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(ending, "_AGAIN_S", 0.01)


async def loses_the_first_word(told: list[int]) -> None:
    """What a loop over Redis does where the word comes as a command is done."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.append(1)
            if len(told) > 1:
                raise


async def test_who_did_not_hear_the_word_is_told_again():
    told: list[int] = []
    deaf = asyncio.create_task(loses_the_first_word(told))
    await asyncio.sleep(0)

    await end([deaf])

    assert deaf.cancelled()
    assert len(told) == 2


async def test_who_has_something_to_do_at_the_end_has_the_time_for_it(monkeypatch):
    monkeypatch.setattr(ending, "_AGAIN_S", 60)
    done: list[str] = []

    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            done.append("tidied")

    task = asyncio.create_task(tidy())
    await asyncio.sleep(0)

    await end([task])

    assert done == ["tidied"]


async def test_what_ended_badly_or_long_ago_disturbs_nobody():
    async def breaks() -> None:
        raise RuntimeError("broken")

    async def returns() -> None:
        return

    tasks = [asyncio.create_task(breaks()), asyncio.create_task(returns())]
    await asyncio.sleep(0)

    await end(tasks)
    await end([])

    assert all(task.done() for task in tasks)
