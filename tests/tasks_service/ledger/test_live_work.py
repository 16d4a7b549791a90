"""Equal work is alive once, unless a duplicate was allowed; and then until the last of them has ended."""

import asyncio

import pytest

from schemas.lifecycle import State
from tasks_service.ledger.tasks import Move, WorkTaken

from .conftest import LEASE, new_task

END = Move(State.FAILED, "worker", "test")


@pytest.fixture
def same(ledger, caller):
    """Opens the same work again."""

    async def open_same(allow_duplicate=True):
        return await ledger.tasks.open(
            new_task(caller, prompt="same", allow_duplicate=allow_duplicate), caller.actor, None
        )

    return open_same


async def live(sql):
    return [row["live"] for row in await sql.fetch("SELECT live FROM live_work")]


@pytest.mark.parametrize("first", [0, 1])
async def test_a_third_is_refused_while_either_of_two_lives(ledger, sql, same, first):
    await same(allow_duplicate=False)
    await same()
    tasks = sorted(await ledger.tasks.claim([State.SUBMITTED], 2, LEASE), key=lambda task: task.id)
    ended, alive = tasks[first], tasks[1 - first]
    await ledger.tasks.advance(ended, END)

    with pytest.raises(WorkTaken) as taken:
        await same(allow_duplicate=False)
    assert taken.value.task_id == alive.id, "the caller is told of the one that lives"

    await ledger.tasks.advance(alive, END)
    assert await live(sql) == []
    assert (await same(allow_duplicate=False)).state is State.SUBMITTED


async def test_a_cancelled_duplicate_leaves_the_other_guarded(ledger, sql, same):
    first, second = await same(allow_duplicate=False), await same()

    assert await ledger.tasks.cancel(first.id, "x")
    assert await live(sql) == [1]
    with pytest.raises(WorkTaken):
        await same(allow_duplicate=False)

    assert await ledger.tasks.cancel(second.id, "x")
    assert await live(sql) == []


async def test_a_move_that_is_not_the_end_leaves_the_guard(ledger, sql, same, brought_to):
    await brought_to(State.RUNNING)

    assert await live(sql) == [1]


async def test_thirty_that_end_at_once_leave_nothing_behind(ledger, sql, same):
    for _ in range(30):
        await same()
    assert await live(sql) == [30]
    tasks = await ledger.tasks.claim([State.SUBMITTED], 30, LEASE)

    await asyncio.gather(*(ledger.tasks.advance(task, END) for task in tasks))

    assert await live(sql) == []
    assert (await same(allow_duplicate=False)).state is State.SUBMITTED


async def test_those_that_begin_while_others_end_are_counted(ledger, sql, same):
    for _ in range(30):
        await same()
    tasks = await ledger.tasks.claim([State.SUBMITTED], 30, LEASE)

    endings = [ledger.tasks.advance(task, END) for task in tasks]
    begun = await asyncio.gather(
        *(work for pair in zip(endings, (same() for _ in range(30)), strict=True) for work in pair)
    )

    assert await live(sql) == [30]
    await asyncio.gather(*(ledger.tasks.cancel(task.id, "x") for task in begun[1::2]))
    assert await live(sql) == []


async def test_the_guard_is_never_below_none(sql, same):
    await same()

    with pytest.raises(Exception, match="no_more_end_than_began"):
        await sql.execute("UPDATE live_work SET live = live - 2")
