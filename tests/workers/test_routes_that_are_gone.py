"""A task whose route nobody knows any more is shown to a person, and goes on when it is back."""

import asyncio

import asyncpg

from schemas.lifecycle import Parked, State

from .time_flies import parked_because, time_flies


async def test_a_route_that_is_gone_is_shown_to_a_person_and_taken_up_when_it_is_back(world):
    task = await world.accepts("sora-2", script="run=2")
    async with world.working():
        await world.until(task, State.QUEUED, State.RUNNING)
    without = tuple(route for route in world.settings.routes if route.name != "openai_videos")
    async with time_flies(world, task):
        async with world.working(routes=without, stalled_after_s=0.3):
            parked = await world.until(task, parked=True)
        async with world.working():
            ended = await world.until(task)

    assert parked.parked is Parked.STALLED
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)


async def test_a_route_that_is_gone_is_shown_even_where_the_request_is_another_release_s(world, dsn):
    task = await world.accepts("sora-2", script="run=9")
    async with world.working():
        await world.until(task, State.QUEUED, State.RUNNING)
    sql = await asyncpg.connect(dsn)
    await sql.execute("SET session_replication_role = replica")
    await sql.execute(
        """UPDATE task SET request = '{"model": "sora-2", "prompt": ["words"]}' WHERE id = $1""", task.id
    )
    without = tuple(route for route in world.settings.routes if route.name != "openai_videos")
    async with time_flies(world, task), world.working(routes=without, stalled_after_s=0.3):
        async with asyncio.timeout(20):
            while not (why := await parked_because(world, task)):  # noqa: ASYNC110 - a worker does it
                await asyncio.sleep(0.1)
    await sql.close()

    assert why == ["the route openai_videos is not configured"]
