"""Persons, workers and late answers meet at one task: one of them settles it, and the others notice."""

import asyncio

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Spend, State
from tasks_service.ledger.tasks import Move, Outrun

from .conftest import LEASE
from .person import SAID, decisions


async def test_a_decision_waits_for_an_answer_that_is_being_written_and_yields_to_it(ledger, in_doubt):
    task = await in_doubt()
    async with ledger.transaction() as worker:
        await worker.spends.settle(task, 1, Spend.CONFIRMED, "up-9")
        deciding = asyncio.gather(
            ledger.decisions.attach(task, SAID, "up-1"),
            ledger.decisions.not_created(task, SAID),
            ledger.decisions.close(task, SAID, FailureKind.OUTCOME_UNKNOWN),
        )
        await asyncio.sleep(0.2)
        assert not deciding.done()

    assert await deciding == [False, False, False]
    assert await decisions(ledger, task) == []


async def test_a_worker_that_held_the_task_is_outrun(ledger, in_doubt):
    task = await in_doubt()
    assert await ledger.decisions.look_again(task, SAID)
    [held] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)

    assert await ledger.decisions.not_created(await ledger.tasks.get(task.id), SAID)

    assert await ledger.tasks.renew([held], LEASE) == set()
    assert await ledger.spends.intend(held) is None, "it would send what the next holder sends"
    with pytest.raises(Outrun):
        await ledger.tasks.advance(held, Move(State.QUEUED, "worker", "late", LEASE, upstream_id="up-9"))


async def test_of_many_persons_one_decides(ledger, in_doubt):
    for _ in range(10):
        task = await in_doubt()
        tries = [ledger.decisions.attach(task, SAID, f"{task.id}-{n}") for n in range(4)]
        tries += [ledger.decisions.not_created(task, SAID) for _ in range(4)]
        tries += [ledger.decisions.close(task, SAID, FailureKind.OUTCOME_UNKNOWN) for _ in range(4)]

        assert sum(await asyncio.gather(*tries)) == 1
        assert len(await decisions(ledger, task)) == 1
        now, [attempt] = await ledger.tasks.get(task.id), await ledger.spends.attempts(task)
        assert now.spend == attempt.outcome, "the task and its spend tell the same"


@pytest.mark.parametrize("name", ["attach", "not_created", "close"])
async def test_a_person_and_a_late_answer_never_both_settle_it(ledger, sql, in_doubt, name):
    for _ in range(15):
        task = await in_doubt()
        decide = {
            "attach": lambda task=task: ledger.decisions.attach(task, SAID, f"mine-{task.id}"),
            "not_created": lambda task=task: ledger.decisions.not_created(task, SAID),
            "close": lambda task=task: ledger.decisions.close(task, SAID, FailureKind.OUTCOME_UNKNOWN),
        }[name]
        decided, answered = await asyncio.gather(
            decide(), ledger.spends.settle(task, 1, Spend.CONFIRMED, f"theirs-{task.id}")
        )
        now, [attempt] = await ledger.tasks.get(task.id), await ledger.spends.attempts(task)
        assert now.spend == attempt.outcome
        assert len(await decisions(ledger, task)) == decided
        assert decided or answered
        if name != "close":
            assert decided != answered
        elif decided and answered:  # an answer that comes after the end is still an answer
            assert await sql.fetchval("SELECT task_id FROM late_look WHERE task_id = $1", task.id)
