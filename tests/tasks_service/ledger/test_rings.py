"""A ring makes a task due soon for whoever hears it, and writes nothing else."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from schemas.lifecycle import State
from tasks_service.ledger.tasks import Outrun

from .conftest import LEASE

POLLED = (State.QUEUED, State.RUNNING)


async def due_in_s(sql, task) -> float:
    return await sql.fetchval(
        "SELECT extract(epoch FROM due_at - now())::float FROM task WHERE id = $1", task.id
    )


@pytest.mark.parametrize("state", POLLED)
async def test_a_ring_cuts_the_lease_and_leaves_the_watcher_his_claim(ledger, brought_to, sql, state):
    task = await brought_to(state)

    assert await ledger.tasks.ring(task.id, task.route, task.attempt) is True
    assert 0 < await due_in_s(sql, task) <= 2
    assert await ledger.tasks.renew([task], LEASE) == {task.id}
    assert await due_in_s(sql, task) > 10


async def test_who_hears_nothing_loses_the_task_to_whoever_looks_next(ledger, brought_to):
    task = await brought_to(State.RUNNING)
    await ledger.tasks.ring(task.id, task.route, task.attempt)
    taken = []
    async with asyncio.timeout(20):
        while not taken:
            taken = await ledger.tasks.claim(POLLED, 1, LEASE)
            await asyncio.sleep(0.1)

    assert [one.id for one in taken] == [task.id]
    with pytest.raises(Outrun):
        await ledger.tasks.postpone(task, timedelta(0))


async def test_many_rings_write_nothing_but_when_it_is_due(ledger, brought_to, everything, sql):
    task = await brought_to(State.RUNNING)
    await ledger.tasks.ring(task.id, task.route, task.attempt)
    once = await everything(task)
    for _ in range(20):
        await ledger.tasks.ring(task.id, task.route, task.attempt)

    assert await everything(task) == once
    await ledger.tasks.renew([task], timedelta(0))
    assert await ledger.tasks.ring(task.id, task.route, task.attempt) is True
    assert await due_in_s(sql, task) <= 0, "what is due already must not be put off"


@pytest.mark.parametrize("state", [one for one in State if one not in POLLED])
async def test_what_nobody_polls_is_left_alone(ledger, brought_to, everything, state):
    task = await brought_to(state)
    before = await everything(task)

    assert await ledger.tasks.ring(task.id, task.route, task.attempt) is False
    assert await everything(task) == before


async def test_another_attempt_another_route_and_another_task_are_none(
    ledger, brought_to, everything, opened
):
    task, other = await brought_to(State.RUNNING), await opened()
    before = await everything(task)

    for named in (
        (task.id, task.route, task.attempt + 1),
        (task.id, task.route, 0),
        (task.id, "elsewhere", task.attempt),
        (other.id, other.route, 1),
    ):
        assert await ledger.tasks.ring(*named) is None
    assert await everything(task) == before


async def test_every_listener_hears_of_what_is_polled_and_of_nothing_else(ledger, brought_to):
    async with aclosing(ledger.tasks.rung()) as first, aclosing(ledger.tasks.rung()) as second:
        listeners = (first, second)
        async with asyncio.timeout(20):
            assert [await anext(one) for one in listeners] == ["", ""]
            over, polled = await brought_to(State.FAILED), await brought_to(State.RUNNING)
            for task in (over, polled):
                await ledger.tasks.ring(task.id, task.route, task.attempt)
            assert [await anext(one) for one in listeners] == [str(polled.id)] * 2
