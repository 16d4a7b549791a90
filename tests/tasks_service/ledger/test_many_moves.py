"""Many moves in one statement: each stands or falls by itself."""

import asyncio
from dataclasses import replace

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from tasks_service.ledger.tasks import Move

from .conftest import LEASE, new_task

RUNNING = Move(State.RUNNING, "provider", "upstream_said", LEASE)


async def queued(ledger, caller, number: int, **request):
    for n in range(number):
        await ledger.tasks.open(new_task(caller, **({"prompt": f"boat {n}"} | request)), caller.actor, None)
    tasks = await ledger.tasks.claim([State.SUBMITTED], number, LEASE)
    taken = [
        (task, Move(State.QUEUED, "worker", "test", LEASE, upstream_id=f"u-{task.id}")) for task in tasks
    ]
    return await ledger.tasks.advance_all(taken)


async def test_each_has_its_own_event_and_its_own_new_row(ledger, caller):
    one, two, three = await queued(ledger, caller, 3)
    failed = Move(
        State.FAILED, "provider", "no", failure=Failure(FailureKind.TIMEOUT, "slow", "E1", 200, "r")
    )
    done = Move(State.DONE, "provider", "yes", LEASE)
    moved = await ledger.tasks.advance_all([(one, RUNNING), (two, failed), (three, done)])

    for task, move in zip(moved, (RUNNING, failed, done), strict=True):
        now = await ledger.tasks.get(task.id)
        assert now == replace(task, request=now.request, request_sha256=now.request_sha256)
        last = (await ledger.history.events(task.id))[-1]
        assert (last["from_state"], last["to_state"], last["cause"]) == ("queued", move.to.value, move.cause)
    assert (moved[1].failure.message, moved[1].due_at, moved[2].progress) == ("slow", None, 100)


async def test_who_was_outrun_gets_none_and_holds_up_no_other(ledger, caller):
    one, two, three = await queued(ledger, caller, 3)
    await ledger.tasks.advance(two, RUNNING)
    moved = await ledger.tasks.advance_all([(one, RUNNING), (two, RUNNING), (three, RUNNING)])

    assert [task and task.state for task in moved] == [State.RUNNING, None, State.RUNNING]
    assert len(await ledger.history.events(two.id)) == 3


async def test_of_two_holders_of_one_task_in_one_statement_only_the_latest_moves_it(ledger, caller):
    [task] = await queued(ledger, caller, 1)
    moved = await ledger.tasks.advance_all([(replace(task, claim=task.claim - 1), RUNNING), (task, RUNNING)])

    assert [one and one.claim for one in moved] == [None, task.claim]


async def test_the_same_work_ended_twice_in_one_statement_is_free_again(ledger, caller):
    tasks = await queued(ledger, caller, 3, prompt="the same", allow_duplicate=True)
    # Nothing was spent on them, so their ends do not count.
    end = Move(State.FAILED, "worker", "test")
    await ledger.tasks.advance_all([(task, end) for task in tasks])

    again = new_task(caller, prompt="the same")
    assert (await ledger.tasks.open(again, caller.actor, None)).state is State.SUBMITTED


async def test_two_who_move_and_renew_the_same_tasks_in_other_orders_never_block_each_other(ledger, caller):
    tasks = await queued(ledger, caller, 60)
    for to in (State.RUNNING, State.DONE):
        move = Move(to, "provider", "test", LEASE)
        forth, back, _, _ = await asyncio.gather(
            ledger.tasks.advance_all([(task, move) for task in tasks]),
            ledger.tasks.advance_all([(task, move) for task in reversed(tasks)]),
            ledger.tasks.renew(tasks, LEASE),
            ledger.tasks.note_progress([(task, 50) for task in reversed(tasks)]),
        )
        won = {task.id: task for task in [*forth, *back] if task}
        assert len([task for task in [*forth, *back] if task]) == len(won) == 60
        tasks = [won[task.id] for task in tasks]
