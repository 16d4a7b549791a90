"""Whoever watches a task hears the ring, keeps the task, and looks at its own pace where there is trouble."""

import asyncio

from schemas.lifecycle import State
from tasks_service import failpoints

from .callbacks import due_in_s, looked, looks


async def test_who_watches_keeps_what_is_rung_for_although_another_waits_for_it(door):
    world = door.world
    patient = {"callback_base_url": door.url, "lease_s": 60}  # renewed by itself every twenty seconds
    async with world.working(**patient), world.working(**patient):
        task = await world.accepts(script="end=never callback=silent")
        await world.until(task, State.QUEUED, State.RUNNING)
        await asyncio.sleep(1)
        watched = await world.task(task.id)
        await door.ring(await door.address(task))
        await looked(door, 1)
        await asyncio.sleep(3)  # longer than the ring leaves of the lease

        assert (await world.task(task.id)).claim == watched.claim
        assert await due_in_s(door, task) > 30


async def test_a_ring_does_not_hurry_what_an_upstream_in_trouble_is_asked(door, watched):
    task = await watched("end=never poll=503 poll_times=999999")
    address = await door.address(task)
    await door.ring(address)
    await looked(door, 1)
    for _ in range(8):
        await door.ring(address)
        await asyncio.sleep(0.4)

    assert await looks(door) == 1


async def test_a_ring_that_comes_during_a_look_is_followed_by_another_look(door, watched):
    task = await watched("run=4")
    address, answered = await door.address(task), 0

    async def ring_again(_: str) -> None:
        nonlocal answered
        answered += 1
        if answered == 1:
            # What this look was answered is old by now.
            await door.world.created(task)
            await asyncio.sleep(4)
            await door.ring(address)
            await asyncio.sleep(1)

    failpoints.arm("poll.answered", ring_again)
    await door.ring(address)
    ended = await door.world.until(task)

    assert (ended.state, answered) == (State.DOWNLOADED, 2)


async def test_where_no_watcher_hears_a_ring_the_lease_ends_soon_and_another_looks(door):
    world = door.world
    task = await world.accepts(script="run=0.1 callback=silent")
    async with world.working(lease_s=600):
        await world.until(task, State.QUEUED, State.RUNNING)
        await asyncio.sleep(1)
        assert await due_in_s(door, task) > 300
        # It was told no address and does not listen; so it hears nothing.
        assert await door.ring(await door.address(task)) == 204
        assert await due_in_s(door, task) <= 2


async def test_a_word_that_is_no_ring_on_the_same_channel_stops_nobody(door, watched):
    task = await watched("run=0.1")
    for word in ("", "no-id", "; DROP TABLE task"):
        await door.world.ledger._database._executor.execute("SELECT pg_notify('task_rung', $1)", word)
    await door.ring(await door.address(task))

    assert (await door.world.until(task)).state is State.DOWNLOADED


async def test_who_is_rung_for_while_it_writes_down_a_move_keeps_its_task(door, watched):
    task = await watched("queue=0.1 end=never")
    address, moves = await door.address(task), 0

    async def ring_again(_: str) -> None:
        nonlocal moves
        moves += 1
        # It is committed, and the watcher does not know yet which number the move has got.
        await door.ring(address)
        await asyncio.sleep(1)

    failpoints.arm("poll.moved", ring_again)
    await door.ring(address)
    await looked(door, 2)
    await asyncio.sleep(4)  # longer than the ring leaves of the lease

    now = await door.world.task(task.id)
    assert (moves, now.state, now.claim) == (1, State.RUNNING, task.claim)
