"""A worker killed while it gives a task up, or while it records what came of it after all."""

import asyncio

import pytest

from schemas.lifecycle import State
from tests.faults.matrix import Deadly, die_for_each
from tests.workers.conftest import world  # noqa: F401 - a fixture
from tests.workers.time_flies import time_flies

pytestmark = pytest.mark.journey

HASTY = {"hard_limit_s": 0.5, "late_wait_s": 0.5, "lease_s": 1.0, "tick_s": 0.05, "download_timeout_s": 0.5}


async def notes(world, task) -> list[str]:  # noqa: F811
    return [note["reason"] for note in await world.ledger.history.notes(task.id)]


@pytest.mark.parametrize("point", ["poll.ending", "late.claimed", "late.recording", "late.recorded"])
async def test_a_worker_killed_while_it_gives_up_or_looks_late_loses_no_late_success(world, point, tmp_path):  # noqa: F811
    task, deadly = await world.accepts(script="run=9"), Deadly(point, tmp_path / "killed")
    dying = world.settings.model_copy(update=HASTY)
    await asyncio.to_thread(die_for_each, dict(dying), deadly, {str(task.id)})
    async with world.working(**HASTY), asyncio.timeout(60):
        ended = await world.until(task, State.FAILED)
        while "late_success" not in await notes(world, task):  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.1)

    assert deadly.killed() == {str(task.id)}
    assert [event for event, _ in await world.causes(task)].count("failed") == 1
    assert (await notes(world, task)).count("late_success") == 1
    assert len(await world.ledger.history.artifacts(task.id)) == 1
    assert (ended.failure.kind, await world.creations(task)) == ("timed_out", 1)


@pytest.mark.parametrize("point", ["hold.parking", "hold.ending"])
async def test_a_worker_killed_while_it_holds_a_task_back_loses_nothing_of_it(world, point, tmp_path):  # noqa: F811
    task, deadly = await world.accepts("sora-2", script="run=2"), Deadly(point, tmp_path / "killed")
    async with world.working():
        await world.until(task, State.QUEUED, State.RUNNING)
    without = tuple(route for route in world.settings.routes if route.name != "openai_videos")
    changes = {"routes": without, "stalled_after_s": 0.1, "hard_limit_s": 0.2, "late_wait_s": 0.5}
    dying = world.settings.model_copy(update=changes)
    async with time_flies(world, task):
        await asyncio.to_thread(die_for_each, dict(dying), deadly, {str(task.id)})
        async with world.working(**changes):
            ended = await world.until(task, State.FAILED)
        async with world.working(late_wait_s=0.5), asyncio.timeout(60):
            while "late_success" not in await notes(world, task):  # noqa: ASYNC110 - a worker does it
                await asyncio.sleep(0.1)

    assert deadly.killed() == {str(task.id)}
    assert (await notes(world, task)).count("stalled") == 1
    assert [event for event, _ in await world.causes(task)].count("failed") == 1
    assert (ended.failure.kind, await world.creations(task)) == ("timed_out", 1)
