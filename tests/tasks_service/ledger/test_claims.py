"""What a claim brings, and what only the holder of the latest claim and move may write."""

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from schemas.lifecycle import Parked, Spend, State
from schemas.task import Claimed, ReferenceImage, TaskRequest
from tasks_service.ledger.tasks import Move, Outrun

from .conftest import LEASE

NO_TIME = timedelta(0)
LONG = timedelta(hours=9)


async def untouched(sql, task):
    """The row but for what a claim changes."""
    return await sql.fetchval("SELECT (to_jsonb(t) - 'claim')::text FROM task t WHERE id = $1", task.id)


@pytest.fixture(params=["claim", "move"])
def stale(ledger, opened, request):
    """A task as somebody knew it before another claim, or before a move under the same claim."""

    async def become_stale():
        await opened()
        if request.param == "claim":
            [task] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)
            await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
        else:
            [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
            await ledger.tasks.advance(task, Move(State.QUEUED, "worker", "test", LEASE, upstream_id="u"))
        return task

    return become_stale


async def test_who_is_behind_parks_nothing(ledger, sql, stale):
    task = await stale()
    before = await untouched(sql, task)

    assert not await ledger.tasks.park(task, Parked.STALLED, LONG, "worker", None)
    assert await untouched(sql, task) == before
    assert await ledger.history.notes(task.id) == []


async def test_who_is_behind_renews_nothing(ledger, sql, stale):
    task = await stale()
    before = await untouched(sql, task)

    assert await ledger.tasks.renew([task], LONG) == set()
    assert await untouched(sql, task) == before


async def test_who_is_behind_postpones_nothing(ledger, sql, stale):
    task = await stale()
    before = await untouched(sql, task)

    with pytest.raises(Outrun):
        await ledger.tasks.postpone(task, LONG)
    assert await untouched(sql, task) == before


async def test_who_is_behind_notes_no_progress(ledger, sql, stale):
    task = await stale()
    before = await untouched(sql, task)

    assert await ledger.tasks.note_progress([(task, 50)]) == [None]
    assert await untouched(sql, task) == before


async def test_who_is_behind_moves_nothing(ledger, sql, stale):
    task = await stale()
    before = await untouched(sql, task)

    with pytest.raises(Outrun):
        await ledger.tasks.advance(task, Move(State.FAILED, "worker", "late"))
    assert await untouched(sql, task) == before


async def test_who_is_behind_spends_nothing(ledger, stale):
    task = await stale()

    assert await ledger.spends.intend(task) is None
    assert await ledger.spends.attempts(task) == []


async def test_an_ended_task_among_others_does_not_hold_up_their_leases(ledger, brought_to):
    ended, alive = await brought_to(State.DOWNLOADED), await brought_to(State.RUNNING)

    assert await ledger.tasks.renew([ended, alive], LEASE) == {alive.id}


async def test_an_intention_that_counts_from_an_old_look_is_not_made(ledger, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task)
    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)

    assert await ledger.spends.intend(task) is None
    assert [str(attempt.outcome) for attempt in await ledger.spends.attempts(task)] == ["not_created"]
    known = await ledger.tasks.get(task.id)
    assert (known.spend, known.attempt) == (Spend.NOT_CREATED, 1)


async def test_a_wish_to_cancel_during_one_attempt_prevents_the_next(ledger, caller, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)
    await ledger.spends.intend(task)
    assert not await ledger.tasks.cancel(task.id, caller.actor)
    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)

    assert await ledger.spends.intend(task) is None
    assert len(await ledger.spends.attempts(task)) == 1


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
async def test_a_wish_to_cancel_is_seen_though_whoever_watches_the_task_prolongs_its_lease(
    ledger, caller, brought_to, state
):
    task = await brought_to(state)
    assert not await ledger.tasks.cancel(task.id, caller.actor)

    assert await ledger.tasks.renew([task], LEASE) == set()
    [claimed] = await ledger.tasks.claim([state], 1, LEASE)
    assert (claimed.id, claimed.cancel_requested_at is not None) == (task.id, True)


async def test_a_wish_to_cancel_what_is_made_already_disturbs_no_download(ledger, caller, brought_to):
    task = await brought_to(State.DONE)
    assert not await ledger.tasks.cancel(task.id, caller.actor)

    assert await ledger.tasks.claim([State.DONE], 1, LEASE) == []
    assert await ledger.tasks.renew([task], LEASE) == {task.id}


async def test_an_outcome_that_is_known_is_not_written_again(ledger, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task)
    assert await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    [before] = await ledger.spends.attempts(task)

    assert not await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    [after] = await ledger.spends.attempts(task)
    assert (after.outcome, after.settled_at) == (Spend.UNKNOWN, before.settled_at)
    assert await ledger.spends.settle(task, 1, Spend.CONFIRMED, "u")


async def test_only_who_asks_for_whole_requests_gets_them(ledger, opened):
    image = "data:image/png;base64," + "QUJD" * 9
    asked = await opened(reference_images=(ReferenceImage(data=image),), seed=7, metadata={"a": "b"})
    [whole] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME, whole=True)
    [light] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)

    assert whole == replace(asked, claim=1, due_at=whole.due_at)
    bare = {"request": TaskRequest(model=asked.model), "request_sha256": b""}
    assert light == replace(asked, claim=2, due_at=light.due_at, **bare)
    assert (await ledger.tasks.get(asked.id)).request == asked.request


@pytest.mark.parametrize("state", [state for state in State if state is not State.SUBMITTED])
async def test_a_moved_task_is_as_the_ledger_has_it_and_keeps_its_request(ledger, brought_to, state):
    moved = await brought_to(state)

    assert moved == await ledger.tasks.get(moved.id)


async def test_a_move_brings_no_request_back(ledger, sql):
    moved = await sql.prepare(ledger.tasks.queries["advance"].text)

    assert not {"request", "metadata"} & {column.name for column in moved.get_attributes()}


async def test_an_upstream_id_once_known_outlives_another_answer(ledger, brought_to):
    task = await brought_to(State.QUEUED)

    moved = await ledger.tasks.advance(
        task, Move(State.RUNNING, "worker", "test", LEASE, upstream_id="other")
    )

    assert moved.upstream_id == task.upstream_id


async def rewrite(sql, task, request):
    """What another release might have accepted."""
    await sql.execute("SET session_replication_role = replica")
    await sql.execute("UPDATE task SET request = $2 WHERE id = $1", task.id, request)
    await sql.execute("SET session_replication_role = origin")


async def test_a_task_that_cannot_be_read_is_left_out_and_told_of(ledger, sql, opened):
    tasks = [await opened() for _ in range(3)]
    await rewrite(sql, tasks[1], '{"model": "m", "prompt": ["secret words"]}')

    with capture_logs() as lines:
        claimed = await ledger.tasks.claim([State.SUBMITTED], 9, LEASE, whole=True)

    assert {task.id for task in claimed} == {tasks[0].id, tasks[2].id}
    [line] = lines
    assert (line["event"], line["task_id"]) == ("task_unreadable", str(tasks[1].id))
    assert "prompt" in line["error"]
    assert "secret" not in str(lines)


async def test_a_watched_task_is_what_the_ledger_has_of_it_however_it_moves(ledger, brought_to):
    queued = await brought_to(State.QUEUED)
    await ledger.tasks.renew([queued], NO_TIME)
    [kept] = await ledger.tasks.watch([State.QUEUED], 1, LEASE, {})
    assert_tells(kept, first := await ledger.tasks.get(queued.id))
    assert (kept.upstream_since, kept.state_since) == (first.queued_at, first.queued_at)

    running = await ledger.tasks.advance(kept, Move(State.RUNNING, "provider", "test", LEASE, progress=7))
    assert_tells(running, second := await ledger.tasks.get(queued.id))
    assert (running.upstream_since, running.state_since) == (second.queued_at, second.running_at)
    assert second.seq == first.seq + 1


def assert_tells(kept, task):
    said = {name: getattr(task, name) for name in Claimed.__slots__ if hasattr(task, name)}
    more = {"cancel_requested": task.cancel_requested_at is not None}
    assert said | more == {name: getattr(kept, name) for name in said | more}
    assert set(Claimed.__slots__) - set(said | more) == {"upstream_since", "state_since"}


async def test_a_watched_task_that_never_queued_is_as_old_as_it_is(ledger, opened):
    task = await opened()
    [kept] = await ledger.tasks.watch([State.SUBMITTED], 1, LEASE, {})

    assert_tells(kept, await ledger.tasks.get(task.id))
    assert (kept.upstream_since, kept.state_since) == (task.created_at, task.created_at)


async def test_a_wish_to_cancel_is_kept_under_watch(ledger, brought_to):
    task = await brought_to(State.RUNNING)
    await ledger.tasks.cancel(task.id, "acme")
    [kept] = await ledger.tasks.watch([State.RUNNING], 1, LEASE, {})

    assert kept.cancel_requested


async def test_only_whoever_watches_a_task_is_given_more_of_it_and_never_its_request(ledger, opened):
    task = await opened()
    [slow] = await ledger.tasks.watch([State.SUBMITTED], 1, NO_TIME, {})
    [quick] = await ledger.tasks.watch([State.SUBMITTED], 1, LEASE, {})

    with pytest.raises(Outrun):
        await ledger.tasks.held(slow)
    bare = {"request": TaskRequest(model=task.model), "request_sha256": b""}
    assert await ledger.tasks.held(quick) == replace(await ledger.tasks.get(task.id), **bare)


async def test_a_request_with_more_in_it_than_this_release_knows_is_read(ledger, sql, opened):
    task = await opened(prompt="a boat", reference_images=(ReferenceImage(url="https://x.test/a.png"),))
    await rewrite(
        sql,
        task,
        """{"model": "sandbox-image-1", "prompt": "a boat", "mood": "calm",
            "reference_images": [{"url": "https://x.test/a.png", "weight": 2}]}""",
    )

    [claimed] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE, whole=True)
    assert claimed.request == task.request
    assert (await ledger.tasks.get(task.id)).request == task.request
