"""PostgreSQL enforces the state machine: its verdict on any walk is LIFECYCLE's."""

import asyncio
import itertools

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from schemas.lifecycle import FIRST, LIFECYCLE, State, may_move
from tasks_service.ledger.tasks import Move, Outrun

from .conftest import LEASE

EVERY_MOVE = [(origin, to) for origin in State for to in State]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=st.lists(st.sampled_from(list(State)), max_size=8))
async def test_any_walk_gets_as_far_as_the_lifecycle_lets_it(sql, caller, walk):
    state, seq, task_id = FIRST, 1, uuid7()
    await _insert(sql, caller, task_id)

    for to in walk:
        legal = may_move(state, to)
        try:
            async with sql.transaction():
                await _move(sql, task_id, seq, state, to)
        except asyncpg.PostgresError:
            assert not legal, f"{state} to {to} was refused"
        else:
            assert legal, f"{state} to {to} was let through"
            state, seq = to, seq + 1

    row = await sql.fetchrow("SELECT state, seq FROM task WHERE id = $1", task_id)
    events = await sql.fetch("SELECT * FROM task_event WHERE task_id = $1 ORDER BY seq", task_id)
    assert (row["state"], row["seq"]) == (state, seq)
    assert [event["seq"] for event in events] == list(range(1, seq + 1))
    assert events[-1]["to_state"] == state
    assert all(later["from_state"] == earlier["to_state"] for earlier, later in itertools.pairwise(events))


@pytest.mark.parametrize(("origin", "to"), EVERY_MOVE)
async def test_every_move_is_judged_as_the_lifecycle_says(ledger, brought_to, origin, to):
    task = await brought_to(origin)
    move = Move(to, "worker", "test", None if to.final else LEASE, upstream_id="u")

    if may_move(origin, to):
        assert (await ledger.tasks.advance(task, move)).state is to
    else:
        with pytest.raises((asyncpg.PostgresError, Outrun)):
            await ledger.tasks.advance(task, move)
        assert (await ledger.tasks.get(task.id)).state is origin


async def test_of_many_workers_one_moves_the_task(ledger, brought_to):
    task = await brought_to(State.QUEUED)
    move = Move(State.RUNNING, "worker", "test", LEASE)

    results = await asyncio.gather(
        *(ledger.tasks.advance(task, move) for _ in range(12)), return_exceptions=True
    )

    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert all(isinstance(result, Outrun) for result in results if isinstance(result, BaseException))
    assert len(await ledger.history.events(task.id)) == 3


def test_every_state_can_end():
    assert all(any(to.final for to in LIFECYCLE[state]) or state.final for state in State)


async def _insert(sql, caller, task_id):
    async with sql.transaction():
        await sql.execute(
            "INSERT INTO task_event (task_id, seq, to_state, actor, cause) VALUES ($1, 1, 'submitted', 'x', 'x')",
            task_id,
        )
        await sql.execute(
            """INSERT INTO task (id, account_id, key_id, state, seq, due_at, model, kind, provider, route, request,
                                 request_sha256, fingerprint, checked, not_checked, upstream_id)
               VALUES ($1, $2, 'k', 'submitted', 1, now(), 'm', 'image', 'p', 'r', '{}', '', '', '{}', '{}', 'u')""",
            task_id,
            caller.account_id,
        )


async def _move(sql, task_id, seq, origin, to):
    """As one would by hand, with everything filled in that belongs to the new state."""
    await sql.execute(
        """INSERT INTO task_event (task_id, seq, from_state, to_state, actor, cause)
           VALUES ($1, $2, $3, $4, 'x', 'x')""",
        task_id,
        seq + 1,
        origin.value,
        to.value,
    )
    await sql.execute(
        """UPDATE task SET state = $2, seq = $3, due_at = CASE WHEN $4 THEN NULL ELSE now() END,
                  failure_kind = CASE WHEN $2 = 'failed' THEN 'unknown' END WHERE id = $1""",
        task_id,
        to.value,
        seq + 1,
        to.final,
    )
