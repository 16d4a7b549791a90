"""What a person decides: whole or not at all, once, and never against what the upstream has said."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, Spend, State
from tasks_service.ledger.connection import Taken
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.spend import Intention
from tasks_service.ledger.tasks import Move, Outrun

from .conftest import LEASE

SAID = Said("person:k1", "seen in the console")
PATIENCE = timedelta(seconds=120)
LONG_AGO = timedelta(seconds=-121)
NO_TIME = timedelta(0)
HOUR = timedelta(hours=1)


@pytest.fixture
def in_doubt(ledger, opened):
    """A task that was sent, got no clear answer, and waits for a person."""

    async def bring(send_within=LONG_AGO, **request):
        made = await opened(**request)
        claimed = await ledger.tasks.claim([State.SUBMITTED], 100, NO_TIME)
        [task] = [one for one in claimed if one.id == made.id]
        await ledger.spends.intend(task, Intention(send_within))
        await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
        await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, HOUR, "worker", None)
        return await ledger.tasks.get(task.id)

    return bring


@pytest.fixture
def parked_at(ledger, brought_to):
    """A parked task in any state that is not final."""

    async def bring(state, why):
        task = await brought_to(state)
        assert await ledger.tasks.park(task, why, HOUR, "worker", None)
        return await ledger.tasks.get(task.id)

    return bring


@pytest.fixture
def everything(sql):
    """All that is on record about a task, to see that nothing was written."""

    async def read(task) -> list[Any]:
        tables = {"task": "id", "spend": "task_id", "task_event": "task_id", "task_note": "task_id"}
        rows = [
            await sql.fetch(f"SELECT t::text FROM {table} t WHERE {name} = $1 ORDER BY 1", task.id)
            for table, name in tables.items()
        ]
        return [*rows, await sql.fetch("SELECT * FROM late_look"), await sql.fetch("SELECT * FROM live_work")]

    return read


async def decisions(ledger, task):
    return [
        (note["actor"], note["reason"], note["detail"])
        for note in await ledger.history.notes(task.id)
        if note["type"] == "decision"
    ]


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

    assert await ledger.decisions.not_created(task, SAID, PATIENCE)

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
    task = await in_doubt(send_within=timedelta(seconds=left_s) - PATIENCE)
    before = await everything(task)

    assert not await ledger.decisions.not_created(task, SAID, PATIENCE)

    assert await everything(task) == before
    not_before = await ledger.decisions.not_before(task, PATIENCE)
    [attempt] = await ledger.spends.attempts(task)
    assert not_before == attempt.send_deadline + PATIENCE
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
    assert not await ledger.decisions.not_created(seen, SAID, PATIENCE)
    assert not await ledger.decisions.close(seen, SAID, FailureKind.OUTCOME_UNKNOWN)

    assert await everything(seen) == before


async def test_a_decision_waits_for_an_answer_that_is_being_written_and_yields_to_it(ledger, in_doubt):
    task = await in_doubt()
    async with ledger.transaction() as worker:
        await worker.spends.settle(task, 1, Spend.CONFIRMED, "up-9")
        deciding = asyncio.gather(
            ledger.decisions.attach(task, SAID, "up-1"),
            ledger.decisions.not_created(task, SAID, PATIENCE),
            ledger.decisions.close(task, SAID, FailureKind.OUTCOME_UNKNOWN),
        )
        await asyncio.sleep(0.2)
        assert not deciding.done()

    assert await deciding == [False, False, False]
    assert await decisions(ledger, task) == []


@pytest.mark.parametrize("state", [State.SUBMITTED, State.QUEUED, State.RUNNING, State.DONE])
async def test_only_a_parked_submission_of_unknown_outcome_can_be_settled(
    ledger, brought_to, everything, state
):
    task = await ledger.tasks.get((await brought_to(state)).id)
    before = await everything(task)

    assert not await ledger.decisions.attach(task, SAID, "up-1")
    assert not await ledger.decisions.not_created(task, SAID, PATIENCE)
    assert not await ledger.decisions.close(task, SAID, FailureKind.TIMED_OUT)

    assert await everything(task) == before


async def test_an_outcome_that_is_still_looked_up_is_not_for_a_person_yet(ledger, opened, everything):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task, Intention(LONG_AGO))
    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    task = await ledger.tasks.get(task.id)
    before = await everything(task)

    assert not await ledger.decisions.attach(task, SAID, "up-1")
    assert not await ledger.decisions.not_created(task, SAID, PATIENCE)

    assert await everything(task) == before


@pytest.mark.parametrize("state", [State.DOWNLOADED, State.FAILED])
async def test_about_what_is_over_nothing_can_be_decided(ledger, brought_to, everything, state):
    task = await ledger.tasks.get((await brought_to(state)).id)
    before = await everything(task)

    assert not await ledger.decisions.attach(task, SAID, "up-1")
    assert not await ledger.decisions.not_created(task, SAID, PATIENCE)
    assert not await ledger.decisions.close(task, SAID, FailureKind.TIMED_OUT)
    assert not await ledger.decisions.look_again(task, SAID)

    assert await everything(task) == before


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
    assert await sql.fetchval("SELECT count(*) FROM live_work") == 0
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


async def test_a_worker_that_held_the_task_is_outrun(ledger, in_doubt):
    task = await in_doubt()
    assert await ledger.decisions.look_again(task, SAID)
    [held] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)

    assert await ledger.decisions.not_created(await ledger.tasks.get(task.id), SAID, PATIENCE)

    assert await ledger.tasks.renew([held], LEASE) == set()
    assert await ledger.spends.intend(held) is None, "it would send what the next holder sends"
    with pytest.raises(Outrun):
        await ledger.tasks.advance(held, Move(State.QUEUED, "worker", "late", LEASE, upstream_id="up-9"))


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


async def test_of_many_persons_one_decides(ledger, in_doubt):
    for _ in range(10):
        task = await in_doubt()
        tries = [ledger.decisions.attach(task, SAID, f"{task.id}-{n}") for n in range(4)]
        tries += [ledger.decisions.not_created(task, SAID, PATIENCE) for _ in range(4)]
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
            "not_created": lambda task=task: ledger.decisions.not_created(task, SAID, PATIENCE),
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
