"""A person closes a parked task, and what its upstream still makes of it is looked for."""

from datetime import timedelta

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, Spend, State

from .conftest import HOUR, LEASE
from .person import SAID, decisions


@pytest.mark.parametrize(
    ("state", "why", "kind"),
    [
        (State.QUEUED, Parked.STALLED, FailureKind.TIMED_OUT),
        (State.RUNNING, Parked.UNRECOGNISED_STATUS, FailureKind.TIMED_OUT),
        (State.DONE, Parked.ARTIFACT_AT_RISK, FailureKind.ARTIFACT_LOST),
    ],
)
async def test_a_closed_task_is_over_and_a_late_success_is_looked_for(
    ledger, sql, parked_at, state, why, kind
):
    task = await parked_at(state, why)

    assert await ledger.decisions.close(task, SAID, kind)

    over = await ledger.tasks.get(task.id)
    assert (over.state, over.failure.kind, over.parked, over.due_at) == (State.FAILED, kind, None, None)
    last = (await ledger.history.events(task.id))[-1]
    assert (last["from_state"], last["to_state"], last["cause"]) == (state, "failed", "closed_by_person")
    assert (last["actor"], last["detail"]) == ("person:k1", "seen in the console")
    assert await decisions(ledger, task) == [("person:k1", "close", "seen in the console")]
    assert await sql.fetchval("SELECT sum(live) FROM live_work") == 0
    looks = await sql.fetch(
        "SELECT task_id, due_at - now() AS wait, until_at - due_at AS span FROM late_look"
    )
    assert [row["task_id"] for row in looks] == [task.id]
    assert timedelta(minutes=59) < looks[0]["wait"] <= HOUR
    assert looks[0]["span"] == timedelta(days=7) - HOUR


async def test_a_closed_task_of_unknown_outcome_leaves_its_work_free_and_nothing_to_look_for(
    ledger, sql, in_doubt, opened
):
    task = await in_doubt(prompt="same")

    assert await ledger.decisions.close(task, SAID, FailureKind.OUTCOME_UNKNOWN)

    over = await ledger.tasks.get(task.id)
    assert (over.failure.kind, over.spend) == (FailureKind.OUTCOME_UNKNOWN, Spend.UNKNOWN)
    assert await sql.fetchval("SELECT count(*) FROM late_look") == 0
    assert (await opened(prompt="same")).state is State.SUBMITTED


async def test_an_id_that_only_the_spend_knows_is_looked_for_too(ledger, sql, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task)
    await ledger.spends.settle(task, 1, Spend.CONFIRMED, "up-1")
    assert await ledger.tasks.park(task, Parked.STALLED, HOUR, "worker", None)
    task = await ledger.tasks.get(task.id)

    assert await ledger.decisions.close(task, SAID, FailureKind.TIMED_OUT)

    assert (await ledger.tasks.get(task.id)).upstream_id == "up-1"
    assert await sql.fetchval("SELECT task_id FROM late_look") == task.id
