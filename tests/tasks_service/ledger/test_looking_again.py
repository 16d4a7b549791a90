"""A person has a task looked at now, where that disturbs nothing that is under way."""

import pytest

from schemas.lifecycle import Parked, State

from .conftest import LEASE
from .person import SAID, decisions


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.DONE])
async def test_a_parked_task_is_looked_at_again_at_once_and_stays_parked(ledger, parked_at, state):
    why = Parked.ARTIFACT_AT_RISK if state is State.DONE else Parked.STALLED
    task = await parked_at(state, why)
    assert await ledger.tasks.claim([state], 1, LEASE) == []

    assert await ledger.decisions.look_again(task, SAID)

    [claimed] = await ledger.tasks.claim([state], 1, LEASE)
    assert (claimed.id, claimed.parked) == (task.id, why)
    assert await decisions(ledger, task) == [("person:k1", "look_again", "seen in the console")]


async def test_a_watched_task_is_looked_at_again_though_its_holder_prolongs_its_lease(ledger, brought_to):
    task = await brought_to(State.RUNNING)

    assert await ledger.decisions.look_again(task, SAID)

    assert await ledger.tasks.renew([task], LEASE) == set()
    assert [one.id for one in await ledger.tasks.claim([State.RUNNING], 1, LEASE)] == [task.id]


async def test_a_paid_request_under_way_is_left_alone(ledger, opened, everything):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task)
    before = await everything(task)

    assert not await ledger.decisions.look_again(await ledger.tasks.get(task.id), SAID)

    assert await everything(task) == before


async def test_files_that_are_being_fetched_are_not_fetched_from_the_start(ledger, brought_to, everything):
    task = await brought_to(State.DONE)
    before = await everything(task)

    assert not await ledger.decisions.look_again(task, SAID)

    assert await everything(task) == before
