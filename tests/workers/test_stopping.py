"""A worker process that is told to stop: once, and once more by somebody who does not want to wait."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from schemas.lifecycle import Parked, Spend, State
from tasks_service import failpoints
from workers.shares import Shares

from .conftest import KEY

PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


@asynccontextmanager
async def worker(world, **more: str) -> AsyncIterator[Process]:
    """A real process on the world's ledger and studio, patient by its settings."""
    routes = [
        {
            "name": route.name,
            "provider": route.provider,
            "base_url": route.base_url,
            "credential": "env:STUDIO_KEY",
        }
        for route in world.settings.routes
    ]
    environment = os.environ | {
        "DATABASE_URL": world.settings.database_url.get_secret_value(),
        "REDIS_URL": "",
        "CREATIVE_TASKS_DATA_FOLDER": str(world.settings.data_folder),
        "CREATIVE_TASKS_ROUTES": json.dumps(routes),
        "CREATIVE_TASKS_TICK_S": "0.1",
        "CREATIVE_TASKS_SUBMIT_TIMEOUT_S": "600",
        "CREATIVE_TASKS_STOP_WAIT_S": "600",
        "CREATIVE_TASKS_PARKED_WAIT_S": "1",
        "STUDIO_KEY": KEY,
        "PYTHONPATH": str(PROJECT),
    }
    log = world.settings.data_folder / "worker.log"
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workers.main", env=environment | more, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(process: Process, within_s: float) -> int:
    return await asyncio.wait_for(process.wait(), within_s)


async def told_twice(process: Process) -> None:
    """It ends at the second word, while what it waits for after the first would last for minutes."""
    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(1)
    assert process.returncode is None, "the first word is patient"
    process.send_signal(signal.SIGTERM)
    assert await ended(process, 10) == 0


async def test_the_second_word_ends_a_worker_whose_upstream_hangs_and_nothing_is_lost(world):
    unsure = await world.accepts("sora-2", script="create=hang_after")
    sure = await world.accepts(script="create=hang_after create_times=1")
    async with worker(world) as process:
        await world.created(unsure)
        await world.created(sure)
        await told_twice(process)
    left = [await world.task(task.id) for task in (unsure, sure)]
    async with world.working():
        found = await world.until(sure)
        parked = await world.until(unsure, parked=True)

    assert [task.spend for task in left] == [Spend.UNKNOWN, Spend.UNKNOWN]
    assert (found.state, parked.parked) == (State.DOWNLOADED, Parked.OUTCOME_UNKNOWN)
    assert [await world.creations(task) for task in (unsure, sure)] == [1, 1]
    assert [call["trouble"] for call in await world.calls(unsure, "submit")] == ["Cancelled"]


async def test_the_second_word_gives_watched_tasks_back(world):
    task = await world.accepts("sora-2", script="queue=6")
    async with worker(world, CREATIVE_TASKS_LEASE_S="600") as process:
        await world.until(task, State.QUEUED)
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        # Two that come as one would be one word.
        await asyncio.sleep(0.3)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await ended(process, 10) == 0
    async with world.working():
        assert (await world.until(task, within_s=50)).state is State.DOWNLOADED


async def test_the_first_word_lets_a_paid_request_come_to_its_end(world):
    task = await world.accepts("sora-2", script="latency=2")
    async with worker(world) as process:
        await world.created(task, sent=True)
        process.send_signal(signal.SIGTERM)
        assert await ended(process, 30) == 0

    now = await world.task(task.id)
    assert now.state is not State.SUBMITTED
    assert now.spend is Spend.CONFIRMED


async def test_what_is_broken_off_before_its_intention_is_for_the_next_worker_at_once(world):
    waits = asyncio.Event()

    async def wait(point: str) -> None:
        waits.set()
        await asyncio.Event().wait()

    task = await world.accepts("sora-2")
    failpoints.arm("submit.before_intent", wait)
    async with world.working(lease_s=600, stop_wait_s=0.1):
        await waits.wait()
    failpoints.disarm()
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.attempt, await world.creations(task)) == (State.DOWNLOADED, 1, 1)


async def test_a_loop_that_did_not_hear_the_word_does_not_keep_the_process(world, monkeypatch):
    """redis-py loses a cancellation that comes in the moment when a command is done."""
    deaf = asyncio.Event()

    async def exchange(_: Shares) -> None:
        if not deaf.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            deaf.set()

    monkeypatch.setattr(Shares, "exchange", exchange)
    async with world.working():
        await asyncio.sleep(0.1)

    assert deaf.is_set()


async def test_a_process_whose_failpoints_are_armed_says_so_loudly(world):
    async with worker(world, CREATIVE_TASKS_FAILPOINTS="submit.claimed=kill") as process:
        await world.accepts("sora-2")
        code = await ended(process, 60)

    assert code == -signal.SIGKILL
    log = (world.settings.data_folder / "worker.log").read_text()
    assert '"failpoints_armed"' in log
    assert "submit.claimed=kill" in log
