"""Opening, claiming, leases and the latch, seen from the ledger's own methods."""

import asyncio
from datetime import timedelta

import pytest

from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Artifact
from tasks_service.ledger.connection import Taken
from tasks_service.ledger.tasks import Filters, KeyTaken, Move, Outrun, WorkTaken

from .conftest import LEASE, new_task

NO_TIME = timedelta(0)


async def test_one_key_makes_one_task_however_many_ask_at_once(ledger, caller):
    async def ask():
        new = new_task(caller, prompt="one")
        try:
            await ledger.tasks.open(new, caller.actor, "key")
        except KeyTaken as taken:
            return taken.task_id
        return new.id

    ids = await asyncio.gather(*(ask() for _ in range(48)))

    assert len(set(ids)) == 1


async def test_the_same_work_is_alive_once(ledger, caller):
    async def ask(number):
        await ledger.tasks.open(new_task(caller, prompt="the same"), caller.actor, f"key-{number}")

    results = await asyncio.gather(*(ask(number) for number in range(48)), return_exceptions=True)

    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, WorkTaken) for result in results) == 47


async def test_a_refused_duplicate_does_not_use_up_its_key(ledger, caller):
    await ledger.tasks.open(new_task(caller, prompt="same"), caller.actor, None)
    with pytest.raises(WorkTaken):
        await ledger.tasks.open(new_task(caller, prompt="same"), caller.actor, "fresh")

    assert await ledger.tasks.by_key(caller.account_id, "fresh") is None


async def test_work_may_be_done_again_after_it_ended(ledger, caller, opened):
    await opened(prompt="again")
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.tasks.advance(task, Move(State.FAILED, "worker", "test"))

    assert (await opened(prompt="again")).state is State.SUBMITTED


async def test_a_duplicate_that_is_allowed_is_recorded_as_such(opened):
    first = await opened(prompt="twice")
    second = await opened(prompt="twice", allow_duplicate=True)

    assert not first.duplicate_allowed
    assert second.duplicate_allowed


async def test_a_task_is_read_with_its_files_as_they_are_read_alone(ledger, brought_to):
    task = await brought_to(State.DONE)
    # A third of a second is not the same number in four bytes and in eight.
    lengths = [1 / 3, 5.0, 0.0, None]
    files = [
        Artifact(n, f"k{n}", "video/mp4", 1 << 40, "0" * 64, 640, None, length)
        for n, length in enumerate(lengths)
    ]
    await ledger.history.keep(task.id, files[::-1])

    found = await ledger.tasks.get(task.id)

    assert found.files == tuple(await ledger.history.artifacts(task.id))
    assert [file.n for file in found.files] == [0, 1, 2, 3]
    assert [type(file.duration_s) for file in found.files] == [float, float, float, type(None)]


@pytest.mark.parametrize("state", State)
async def test_where_files_may_be_it_is_known_that_there_are_none(ledger, brought_to, state):
    found = await ledger.tasks.get((await brought_to(state)).id)

    assert found.files == (() if state in {State.DONE, State.DOWNLOADED, State.FAILED} else None)


async def test_a_move_forgets_the_files_that_were_there_before(ledger, brought_to):
    task = await ledger.tasks.get((await brought_to(State.DONE)).id)
    moved = await ledger.tasks.advance(task, Move(State.DOWNLOADED, "worker", "test"))

    assert task.files == ()
    assert moved.files is None


async def test_workers_claim_different_tasks(ledger, opened):
    for _ in range(30):
        await opened()

    batches = await asyncio.gather(*(ledger.tasks.claim([State.SUBMITTED], 10, LEASE) for _ in range(5)))

    ids = [task.id for batch in batches for task in batch]
    assert len(ids) == len(set(ids)) == 30


async def test_a_lease_that_ran_out_lets_the_next_worker_in_and_keeps_the_first_out(ledger, opened):
    await opened()
    [slow] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)
    [quick] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)

    with pytest.raises(Outrun):
        await ledger.tasks.advance(slow, Move(State.FAILED, "worker", "late"))
    with pytest.raises(Outrun):
        await ledger.tasks.postpone(slow, LEASE)
    assert await ledger.tasks.renew([slow], LEASE) == set()
    assert await ledger.tasks.renew([quick], LEASE) == {quick.id}
    assert await ledger.spends.intend(slow) is None
    assert (await ledger.tasks.advance(quick, Move(State.FAILED, "worker", "test"))).state is State.FAILED


async def test_nothing_of_a_full_route_is_claimed(ledger, opened):
    await opened()

    assert await ledger.tasks.claim([State.SUBMITTED], 1, LEASE, {"sandbox": 0}) == []
    # Of a route that this worker does not know, another may; so it is left alone for two minutes.
    assert await ledger.tasks.claim([State.SUBMITTED], 1, LEASE, {"other": 5}) == []
    assert len(await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)) == 1


async def test_each_route_gives_as_many_as_it_has_room_for(ledger, opened):
    for _ in range(5):
        await opened()

    assert len(await ledger.tasks.claim([State.SUBMITTED], 9, LEASE, {"sandbox": 2, "other": 9})) == 2


async def test_an_intention_is_made_once_until_it_is_known_that_nothing_was_created(ledger, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)
    first = await ledger.spends.intend(task)
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)
    assert await ledger.spends.intend(task) is None

    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)
    assert await ledger.spends.intend(task) is None

    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    second = await ledger.spends.intend(task)

    assert first == second == task_id_text(task.id), "one name at the upstream, however often it is tried"
    assert [attempt.number for attempt in await ledger.spends.attempts(task)] == [1, 2]


@pytest.mark.parametrize("known", [Spend.CONFIRMED, Spend.NOT_CREATED])
async def test_what_is_known_for_certain_never_changes(ledger, opened, known):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task)
    assert await ledger.spends.settle(task, 1, known, None)

    assert not await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    assert (await ledger.spends.attempts(task))[0].outcome == known


async def test_a_late_confirmation_wakes_a_task_that_was_put_aside(ledger, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, NO_TIME)
    await ledger.spends.intend(task)
    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, timedelta(hours=1), "worker", None)
    assert await ledger.tasks.claim([State.SUBMITTED], 1, LEASE) == []

    await ledger.spends.settle(task, 1, Spend.CONFIRMED, "u-1")

    [woken] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    assert (woken.spend, woken.parked) == (Spend.CONFIRMED, None)


async def test_cancelling_before_the_spend_is_certain(ledger, caller, opened):
    task = await opened()

    assert await ledger.tasks.cancel(task.id, caller.actor)

    ended = await ledger.tasks.get(task.id)
    assert (ended.state, ended.failure.kind, ended.spend) == (State.FAILED, "canceled", Spend.NONE)
    assert await ledger.tasks.claim([State.SUBMITTED], 1, LEASE) == []


async def test_cancelling_after_the_intention_is_a_wish(ledger, caller, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.spends.intend(task)

    assert not await ledger.tasks.cancel(task.id, caller.actor)
    wished = await ledger.tasks.get(task.id)
    assert wished.state is State.SUBMITTED
    assert wished.cancel_requested_at is not None
    assert wished.claim == task.claim, "the worker that is sending keeps its lease"


async def test_a_cancelled_task_is_never_sent(ledger, caller, opened):
    task = await opened()
    [claimed] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    await ledger.tasks.cancel(task.id, caller.actor)

    assert await ledger.spends.intend(claimed) is None


async def test_a_revoked_or_mangled_key_opens_nothing(ledger):
    key = await ledger.keys.new("acme", "support")
    assert (await ledger.keys.find(key)).staff

    for wrong in (key[:-1], key + "x", key.upper(), "", "ct_live_", "é" * 50, "\ud800"):
        assert await ledger.keys.find(wrong) is None
    assert await ledger.keys.revoke((await ledger.keys.find(key)).key_id)
    assert await ledger.keys.find(key) is None


async def test_the_key_itself_is_nowhere_in_the_database(ledger, sql):
    key = await ledger.keys.new("acme")
    secret = key.split("_", 3)[3]  # which may hold underscores itself

    assert secret not in str(await sql.fetch("SELECT k::text FROM api_key k"))


async def test_pages_hold_every_task_once_and_newest_first(ledger, opened):
    made = [(await opened()).id for _ in range(25)]

    seen, after = [], None
    while page := await ledger.tasks.page(Filters(), after, 7):
        seen += [task.id for task in page]
        after = seen[-1]

    assert seen == sorted(made, reverse=True)


async def test_upstream_ids_belong_to_one_task(ledger, opened):
    for _ in range(2):
        await opened()
    one, other = await ledger.tasks.claim([State.SUBMITTED], 2, LEASE)
    for task in (one, other):
        await ledger.spends.intend(task)
    await ledger.spends.settle(one, 1, Spend.CONFIRMED, "u-1")

    with pytest.raises(Taken, match="one_task_per_upstream_id"):
        await ledger.spends.settle(other, 1, Spend.CONFIRMED, "u-1")
