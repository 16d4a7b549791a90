"""What was called not created, and was created after all: adopted as the next attempt while none has left."""

import pytest

from schemas.lifecycle import Spend, State
from tasks_service.ledger.connection import Taken

from .conftest import LEASE
from .person import SAID


@pytest.fixture
def called_not_created(ledger, in_doubt):
    """A task of whose latest attempt a person said that it made nothing."""

    async def bring(attempts: int = 1):
        task = await in_doubt()
        assert await ledger.decisions.not_created(task, SAID)
        for number in range(2, attempts + 1):
            [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
            assert await ledger.spends.intend(task)
            assert await ledger.spends.settle(task, number, Spend.NOT_CREATED, None)
        return await ledger.tasks.get(task.id)

    return bring


async def outcomes(ledger, task):
    return [(one.number, one.outcome, one.upstream_id) for one in await ledger.spends.attempts(task)]


async def looked_for(sql, task) -> list[str]:
    rows = await sql.fetch("SELECT upstream_id FROM late_look WHERE task_id = $1", task.id)
    return [row["upstream_id"] for row in rows]


@pytest.mark.parametrize("latest", [1, 2, 3])
async def test_what_an_attempt_on_record_made_becomes_the_next_one(ledger, called_not_created, latest):
    task = await called_not_created(latest)

    assert await ledger.spends.take_up(task, 1, "up-1")

    now = await ledger.tasks.get(task.id)
    assert (now.spend, now.attempt, now.parked) == (Spend.CONFIRMED, latest + 1, None)
    refused = [(number, Spend.NOT_CREATED, None) for number in range(1, latest + 1)]
    assert await outcomes(ledger, task) == [*refused, (latest + 1, Spend.CONFIRMED, "up-1")]


async def test_it_is_at_once_a_worker_s_and_whoever_held_it_has_lost_it(ledger, called_not_created):
    await called_not_created()
    [held] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)

    assert await ledger.spends.take_up(held, 1, "up-1")

    assert await ledger.tasks.renew([held], LEASE) == set()
    assert await ledger.spends.intend(held) is None
    [again] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    assert (again.id, again.spend) == (held.id, Spend.CONFIRMED)


@pytest.mark.parametrize("ahead", [1, 2])
async def test_an_attempt_that_the_ledger_has_never_known_is_not_taken_up(
    ledger, called_not_created, everything, ahead
):
    """It went back to before that attempt: what else it has forgotten nobody knows, so a person has to see it."""
    task = await called_not_created(2)
    before = await everything(task)

    assert not await ledger.spends.take_up(task, 2 + ahead, "up-9")

    assert await everything(task) == before


async def test_nothing_is_taken_up_for_a_task_that_was_never_sent(ledger, opened, everything):
    task = await opened()
    before = await everything(task)

    assert not await ledger.spends.take_up(task, 1, "up-1")

    assert await everything(task) == before


@pytest.mark.parametrize("outcome", [None, Spend.UNKNOWN, Spend.CONFIRMED])
async def test_nothing_is_taken_up_where_the_next_attempt_may_have_left(
    ledger, called_not_created, everything, outcome
):
    await called_not_created()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    assert await ledger.spends.intend(task)
    if outcome:
        upstream_id = "up-2" if outcome is Spend.CONFIRMED else None
        assert await ledger.spends.settle(task, 2, outcome, upstream_id)
    before = await everything(task)

    assert not await ledger.spends.take_up(task, 1, "up-1")

    assert await everything(task) == before


async def test_after_the_end_it_is_not_taken_up_but_looked_for(ledger, sql, called_not_created):
    task = await called_not_created()
    assert await ledger.tasks.cancel(task.id, "customer:k1")
    ended, spent = await ledger.tasks.get(task.id), await outcomes(ledger, task)

    assert not await ledger.spends.take_up(task, 1, "up-1")

    assert await ledger.tasks.get(task.id) == ended
    assert await outcomes(ledger, task) == spent
    assert await looked_for(sql, task) == ["up-1"]


async def test_what_is_another_task_s_work_is_not_taken_up(ledger, called_not_created, in_doubt, everything):
    task, other = await called_not_created(), await in_doubt()
    assert await ledger.decisions.attach(other, SAID, "up-1")
    before = await everything(task)

    with pytest.raises(Taken, match="one_task_per_upstream_id"):
        async with ledger.transaction() as within:
            await within.spends.take_up(task, 1, "up-1")

    assert await everything(task) == before
