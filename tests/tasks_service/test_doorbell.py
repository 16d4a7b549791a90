"""Rings go together, nobody waits for them, and the last one is heard."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tasks_service.doorbell import QUEUE, ArqDoorbell
from tasks_service.embedded import Valkey, start_valkey


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A doorbell's server."""
    with tempfile.TemporaryDirectory(prefix="creative-tasks-bell-") as folder:
        started = start_valkey(Path(folder))
        assert started is not None
        yield started
        started.stop()


async def test_a_thousand_rings_at_once_are_one_for_each_step(valkey: Valkey):
    redis = Redis.from_url(valkey.url)
    bell = ArqDoorbell(valkey.url)
    for _ in range(500):
        await bell.ring("submit")
        await bell.ring("poll")
    await bell.close()
    enqueued = (await redis.info("commandstats")).get("cmdstat_psetex", {}).get("calls", 0)
    waiting = await redis.zrange(QUEUE, 0, -1)
    await redis.aclose()

    assert sorted(waiting) == [b"ring:poll", b"ring:submit"]
    assert enqueued == 2


async def test_a_ring_that_comes_while_another_is_under_way_is_heard_too(valkey: Valkey):
    redis = Redis.from_url(valkey.url)
    bell = ArqDoorbell(valkey.url)
    async with asyncio.timeout(30):
        await bell.ring("submit")
        while not await redis.zrange(QUEUE, 0, -1):
            pass
        # as its worker does, once it has answered
        await redis.delete(QUEUE, "arq:job:ring:submit")
        await bell.ring("submit")
        while not await redis.zrange(QUEUE, 0, -1):
            pass
    await bell.close()
    await redis.aclose()


async def test_a_server_that_is_away_holds_up_nobody():
    bell = ArqDoorbell("redis://127.0.0.1:1/0")
    for _ in range(100):
        await bell.ring("submit")
    await bell.close()
