"""A person says what became of a paid request, while nobody else knows or can still come to know it."""

from datetime import timedelta

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Spend, State
from tasks_service.ledger.connection import Taken
from tasks_service.ledger.spend import Intention

from .conftest import ANSWERED_WITHIN, LEASE, LONG_AGO
from .person import SAID, decisions


async def test_attached_work_is_confirmed_and_at_once_a_worker_s(ledger, in_doubt):
    task = await in_doubt()

    assert await ledger.decisions.attach(task, SAID, "up-1")

    [claimed] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    assert (claimed.spend, claimed.parked, claimed.attempt) == (Spend.CONFIRMED, None, 1)
    [attempt] = await ledger.spends.attempts(task)
    assert (attempt.outcome, attempt.upstream_id) == (Spend.CONFIRMED, "up-1")
    assert await decisions(ledger, task) == [
        ("person:k1", "attach", "seen in the console (upstream id up-1)"),
    ]


async def test_what_was_never_created_may_go_again_as_the_next_attempt(ledger, in_doubt):
    task = await in_doubt()

    assert await ledger.decisions.not_created(task, SAID)

    [claimed] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    assert (claimed.spend, claimed.parked) == (Spend.NOT_CREATED, None)
    assert await ledger.spends.intend(claimed)
    assert [attempt.number for attempt in await ledger.spends.attempts(task)] == [1, 2]
    assert [one.outcome for one in await ledger.spends.attempts(task)] == [Spend.NOT_CREATED, Spend.INTENDED]
    assert await decisions(ledger, task) == [("person:k1", "not_created", "seen in the console")]


@pytest.mark.parametrize("left_s", [1, 60])
async def test_nothing_is_called_not_created_while_somebody_may_wait_for_the_answer(
    ledger, in_doubt, everything, left_s
):
    task = await in_doubt(send_within=timedelta(seconds=left_s) - ANSWERED_WITHIN)
    before = await everything(task)

    assert not await ledger.decisions.not_created(task, SAID)

    assert await everything(task) == before
    not_before = await ledger.decisions.not_before(task)
    [attempt] = await ledger.spends.attempts(task)
    assert not_before == attempt.send_deadline + ANSWERED_WITHIN
    assert await ledger.decisions.attach(task, SAID, "up-1"), "what was found may be attached at any time"


async def test_an_id_is_the_work_of_one_task(ledger, in_doubt, everything):
    first, second = await in_doubt(), await in_doubt()
    assert await ledger.decisions.attach(first, SAID, "up-1")
    before = await everything(second)

    with pytest.raises(Taken, match="one_task_per_upstream_id"):
        await ledger.decisions.attach(second, SAID, "up-1")

    assert await everything(second) == before
    assert await ledger.decisions.holder(second, "up-1") == first.id
    assert await ledger.decisions.holder(second, "up-2") is None


@pytest.mark.parametrize("outcome", [Spend.CONFIRMED, Spend.NOT_CREATED])
async def test_nothing_is_decided_against_what_the_upstream_said_meanwhile(
    ledger, in_doubt, everything, outcome
):
    seen = await in_doubt()
    await ledger.spends.settle(seen, 1, outcome, "up-9" if outcome is Spend.CONFIRMED else None)
    before = await everything(seen)

    assert not await ledger.decisions.attach(seen, SAID, "up-1")
    assert not await ledger.decisions.not_created(seen, SAID)
    assert not await ledger.decisions.close(seen, SAID, FailureKind.OUTCOME_UNKNOWN)

    assert await everything(seen) == before


@pytest.mark.parametrize("state", [State.SUBMITTED, State.QUEUED, State.RUNNING, State.DONE])
async def test_only_a_parked_submission_of_unknown_outcome_can_be_settled(
    ledger, brought_to, everything, state
):
    task = await ledger.tasks.get((await brought_to(state)).id)
    before = await everything(task)

    assert not await ledger.decisions.attach(task, SAID, "up-1")
    assert not await ledger.decisions.not_created(task, SAID)
    assert not await ledger.decisions.close(task, SAID, FailureKind.TIMED_OUT)

    assert await everything(task) == before


async def test_an_outcome_that_is_still_looked_up_is_not_for_a_person_yet(ledger, opened, everything):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task, Intention(LONG_AGO, ANSWERED_WITHIN))
    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    task = await ledger.tasks.get(task.id)
    before = await everything(task)

    assert not await ledger.decisions.attach(task, SAID, "up-1")
    assert not await ledger.decisions.not_created(task, SAID)

    assert await everything(task) == before


@pytest.mark.parametrize("state", [State.DOWNLOADED, State.FAILED])
async def test_about_what_is_over_nothing_can_be_decided(ledger, brought_to, everything, state):
    task = await ledger.tasks.get((await brought_to(state)).id)
    before = await everything(task)

    assert not await ledger.decisions.attach(task, SAID, "up-1")
    assert not await ledger.decisions.not_created(task, SAID)
    assert not await ledger.decisions.close(task, SAID, FailureKind.TIMED_OUT)
    assert not await ledger.decisions.look_again(task, SAID)

    assert await everything(task) == before
