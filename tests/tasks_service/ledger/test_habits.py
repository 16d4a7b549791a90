"""What the ledger knows of how long tasks take."""

from datetime import timedelta

import pytest

from schemas.lifecycle import State
from schemas.pace import FEWEST
from tasks_service.ledger.tasks import Move

from .conftest import LEASE, new_task


@pytest.fixture
def ended(ledger, caller):
    """Tasks that ended in a state, right after their upstream had them."""

    async def end(tasks: int, state: State):
        for n in range(tasks):
            await ledger.tasks.open(new_task(caller, prompt=f"{state} {n}"), caller.actor, None)
        claimed = await ledger.tasks.claim([State.SUBMITTED], tasks, timedelta(0))
        queued = await ledger.tasks.advance_all(
            [
                (task, Move(State.QUEUED, "worker", "test", LEASE, upstream_id=f"u-{task.id}"))
                for task in claimed
            ]
        )
        wait = None if state.final else LEASE
        await ledger.tasks.advance_all([(task, Move(state, "provider", "test", wait)) for task in queued])

    return end


async def test_of_a_few_tasks_no_habit_is_made(ledger, ended):
    await ended(FEWEST - 1, State.DONE)
    await ended(3, State.FAILED)

    assert await ledger.habits.learn() == {}


async def test_enough_tasks_that_were_done_make_a_habit_of_their_route_and_model(ledger, ended):
    await ended(FEWEST, State.DONE)
    [(of, habit)] = (await ledger.habits.learn()).items()

    assert of == ("sandbox", "sandbox-image-1")
    assert 0 <= habit.early_s <= habit.late_s < 600


async def test_failures_make_no_habit(ledger, ended):
    await ended(FEWEST, State.FAILED)

    assert await ledger.habits.learn() == {}
