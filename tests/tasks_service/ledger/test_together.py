"""Questions asked at the same time are one statement, and every answer is at least as new as its question."""

import asyncio

import pytest

from tasks_service.ledger import together as module
from tasks_service.ledger.together import Together


async def test_those_who_come_meanwhile_go_with_the_next():
    asked, door = [], asyncio.Event()

    async def ask(keys):
        asked.append(keys)
        await door.wait()
        return {key: key * 10 for key in keys if key != 3}

    together = Together(ask)
    first = asyncio.create_task(together.answer(1))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(together.answer(key)) for key in (1, 2, 2, 3)]
    await asyncio.sleep(0.01)
    door.set()

    assert await first == 10
    assert await asyncio.gather(*others) == [10, 20, 20, None]
    assert asked == [[1], [1, 2, 3]], "who asked while an answer was under way got a newer one"


async def test_trouble_is_everybodys_and_ends_with_it():
    troubles = [OSError("away")]

    async def ask(keys):
        await asyncio.sleep(0)
        if troubles:
            raise troubles.pop()
        return dict.fromkeys(keys, "there")

    together = Together(ask)
    both = await asyncio.gather(together.answer(1), together.answer(2), return_exceptions=True)
    assert [type(one) for one in both] == [OSError, OSError]

    assert await together.answer(1) == "there"


async def test_whoever_leaves_takes_nobody_along():
    door = asyncio.Event()

    async def ask(keys):
        await door.wait()
        return dict.fromkeys(keys, "there")

    together = Together(ask)
    leaving, staying = [asyncio.create_task(together.answer(1)) for _ in range(2)]
    await asyncio.sleep(0)
    leaving.cancel()
    door.set()

    assert await staying == "there"
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_one_that_hangs_holds_up_nobody_else(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
    asked, door = [], asyncio.Event()

    async def ask(keys):
        asked.append(keys)
        if keys == [1]:
            await door.wait()
        return dict.fromkeys(keys, "there")

    together = Together(ask)
    async with asyncio.timeout(10):
        hanging = asyncio.create_task(together.answer(1))
        await asyncio.sleep(0)
        assert await asyncio.gather(together.answer(2), together.answer(3)) == ["there", "there"]
        assert await together.answer(4) == "there", "also once nobody waits any more"
        door.set()
        assert await hanging == "there"
        assert await together.answer(5) == "there"
    assert asked == [[1], [2, 3], [4], [5]]
