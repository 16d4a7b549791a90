"""What looks find out, written together: each stands or falls by itself."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from schemas.lifecycle import State
from tasks_service import failpoints
from tasks_service.ledger.history import Call, Repeat
from tasks_service.ledger.tasks import Move, Outrun
from tests.tasks_service.ledger.conftest import new_task
from workers.changes import Change, Changes

LEASE = timedelta(seconds=60)
RUNNING = Move(State.RUNNING, "provider", "upstream_said", LEASE)


def call() -> Call:
    return Call(uuid7(), "poll", 1, "r", "GET", "/", datetime.now(UTC), 1, 200, None, None, None, "words")


@pytest.fixture
async def queued(ledger):
    caller = await ledger.keys.find(await ledger.keys.new("acme"))
    for n in range(3):
        await ledger.tasks.open(new_task(caller, prompt=f"boat {n}"), caller.actor, None)
    claimed = await ledger.tasks.watch([State.SUBMITTED], 3, LEASE, {})
    taken = [
        (task, Move(State.QUEUED, "worker", "test", LEASE, upstream_id=f"u-{task.id}")) for task in claimed
    ]
    return await ledger.tasks.advance_all(taken)


async def evidence(ledger, task) -> int:
    return len(await ledger.history.calls(task.id))


async def test_a_move_and_its_evidence_come_together_and_who_was_outrun_leaves_none(ledger, queued):
    one, two, three = queued
    await ledger.tasks.advance(two, RUNNING)
    changes = Changes(ledger)
    moved = await asyncio.gather(
        *(changes.write(Change(task, (call(),), move=RUNNING)) for task in (one, two, three)),
        return_exceptions=True,
    )

    assert isinstance(moved[1], Outrun)
    assert [moved[0].state, moved[2].state] == [State.RUNNING] * 2
    assert [await evidence(ledger, task) for task in queued] == [1, 0, 1]


async def test_evidence_progress_and_counts_without_a_move(ledger, queued):
    one, two, three = queued
    before, changes = call(), Changes(ledger)
    await changes.write(Change(one, (before,)))
    written = await asyncio.gather(
        changes.write(Change(one, (call(),), Repeat(one.id, before.id, 7, datetime.now(UTC)))),
        changes.write(Change(two, progress=40)),
        changes.write(Change(three, (call(),), progress=60)),
    )

    assert [task.progress for task in written] == [None, 40, 60]
    assert [call["repeats"] for call in await ledger.history.calls(one.id)] == [7, 0]
    assert [await evidence(ledger, task) for task in queued] == [2, 0, 1]


async def test_one_change_that_the_ledger_refuses_takes_no_other_with_it(ledger, queued):
    one, two, three = queued
    illegal = Move(State.SUBMITTED, "provider", "backwards", LEASE)
    changes = Changes(ledger)
    written = await asyncio.gather(
        changes.write(Change(one, (call(),), move=RUNNING)),
        changes.write(Change(two, (call(),), move=illegal)),
        changes.write(Change(three, (call(),), move=RUNNING)),
        return_exceptions=True,
    )

    assert [written[0].state, written[2].state] == [State.RUNNING] * 2
    assert "legal" in str(written[1])
    assert await evidence(ledger, two) == 0


async def test_where_the_ledger_breaks_before_the_commit_nothing_is_written_of_any(ledger, queued):
    async def breaks(point: str) -> None:
        raise failpoints.Injected("here")

    failpoints.arm("poll.moving", breaks)
    changes = Changes(ledger)
    written = await asyncio.gather(
        *(changes.write(Change(task, (call(),), move=RUNNING)) for task in queued), return_exceptions=True
    )
    failpoints.disarm()

    assert [type(one) for one in written] == [failpoints.Injected] * 3
    assert [(await ledger.tasks.get(task.id)).state for task in queued] == [State.QUEUED] * 3
    assert [await evidence(ledger, task) for task in queued] == [0] * 3
