"""Writes that are made together: nobody waits for a timer, and nobody pays for another's mistake."""

import asyncio

import pytest

from workers.gathering import Gathering


class Wrong(Exception):
    pass


class Desk:
    """Writes what it is given, as slowly as a disk, and remembers in how many goes."""

    def __init__(self, most: int = 100):
        self.goes: list[list[int]] = []
        self.open = asyncio.Event()
        self.together = Gathering[int, int](self._write, most)

    async def _write(self, asked):
        self.goes.append(list(asked))
        await self.open.wait()
        if -1 in asked:
            raise Wrong
        if -2 in asked:
            raise ConnectionResetError
        return [Wrong() if number == -3 else 10 * number for number in asked]


async def ask(desk, *numbers):
    asking = [asyncio.create_task(desk.together.ask(number)) for number in numbers]
    await asyncio.sleep(0.01)
    desk.open.set()
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_who_is_alone_is_written_at_once_and_the_others_go_together():
    desk = Desk()
    first = asyncio.create_task(desk.together.ask(1))
    await asyncio.sleep(0.01)
    answers = await ask(desk, 2, 3, 4)

    assert [await first, *answers] == [10, 20, 30, 40]
    assert desk.goes == [[1], [2, 3, 4]]


async def test_a_go_is_never_larger_than_the_most():
    desk = Desk(most=2)
    assert await ask(desk, 1, 2, 3, 4, 5) == [10, 20, 30, 40, 50]
    assert [len(go) for go in desk.goes] == [2, 2, 1]


async def test_one_that_cannot_be_written_takes_no_other_with_it():
    one, wrong, three = await ask(Desk(), 1, -1, 3)

    assert (one, three) == (10, 30)
    assert isinstance(wrong, Wrong)


async def test_one_answer_may_be_an_error_and_the_others_none():
    one, wrong, three = await ask(desk := Desk(), 1, -3, 3)

    assert (one, three) == (10, 30)
    assert isinstance(wrong, Wrong)
    assert desk.goes == [[1, -3, 3]]


async def test_where_the_server_is_away_everybody_hears_it_and_nothing_is_tried_again():
    desk = Desk()
    answers = await ask(desk, 1, -2, 3)

    assert [type(answer) for answer in answers] == [ConnectionResetError] * 3
    assert desk.goes == [[1, -2, 3]]


async def test_what_was_asked_is_written_although_the_caller_was_cancelled():
    desk = Desk()
    first = asyncio.create_task(desk.together.ask(1))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(desk.together.ask(2))
    await asyncio.sleep(0.01)
    second.cancel()
    desk.open.set()
    await desk.together.finish(5)

    assert desk.goes == [[1], [2]]
    assert await first == 10
    with pytest.raises(asyncio.CancelledError):
        await second
