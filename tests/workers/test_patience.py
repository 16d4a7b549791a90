"""Waiting for upstreams: live jobs are not killed, endless ones end, and what comes late is still ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, State
from schemas.routes import Route

from .conftest import KEY

ALWAYS = "poll_times=999999"


async def notes(world, task) -> list[str]:
    return [note["reason"] for note in await world.ledger.history.notes(task.id)]


async def until_noted(world, task, reason: str, within_s: float = 50) -> None:
    async with asyncio.timeout(within_s):
        while reason not in await notes(world, task):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_a_stalled_task_is_shown_to_a_person_and_its_late_success_is_taken(world):
    task = await world.accepts(script="run=6")
    async with world.working(stalled_after_s=0.5, parked_wait_s=0.3):
        parked = await world.until(task, parked=True)
        ended = await world.until(task)

    assert (parked.state, parked.parked) == (State.RUNNING, Parked.STALLED)
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)


async def test_an_unknown_word_is_shown_to_a_person_and_its_late_success_is_taken(world):
    task = await world.accepts(script="poll=unknown_status poll_times=12")
    async with world.working(parked_wait_s=0.2):
        parked = await world.until(task, parked=True)
        ended = await world.until(task)

    assert parked.parked is Parked.UNRECOGNISED_STATUS
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)


async def test_what_never_ends_is_ended_by_the_hard_limit(world):
    task = await world.accepts(script="end=never")
    async with world.working(hard_limit_s=1, stalled_after_s=0.3, parked_wait_s=0.2):
        ended = await world.until(task)

    assert ended.state is State.FAILED
    assert ended.failure.kind is FailureKind.TIMED_OUT
    assert ("failed", "timed_out") in await world.causes(task)


async def test_a_success_after_we_gave_up_is_recorded_and_its_files_are_kept(world):
    task = await world.accepts(script="run=6")
    async with world.working(hard_limit_s=0.8, late_wait_s=0.5):
        ended = await world.until(task)
        await until_noted(world, task, "late_success")

    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.TIMED_OUT)
    assert (await world.task(task.id)).state is State.FAILED
    [artifact] = await world.ledger.history.artifacts(task.id)
    assert artifact.bytes > 0
    assert await world.creations(task) == 1


async def test_a_failure_after_we_gave_up_is_recorded_too(world):
    task = await world.accepts(script="run=6 end=content")
    async with world.working(hard_limit_s=0.8, late_wait_s=0.5):
        await world.until(task)
        await until_noted(world, task, "late_failure")

    assert await world.ledger.history.artifacts(task.id) == []


async def test_an_upstream_that_does_not_know_the_task_for_long_has_lost_it(world):
    task = await world.accepts(script=f"poll=404 {ALWAYS}")
    async with world.working(lost_after_s=1.5):
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.TASK_NOT_FOUND)


async def test_a_few_answers_that_there_is_no_such_task_prove_nothing(world):
    task = await world.accepts(script="poll=404 poll_times=4")
    async with world.working(lost_after_s=600):
        ended = await world.until(task)

    assert ended.state is State.DOWNLOADED


@pytest.mark.parametrize("trouble", ["401", "429", "500", "503", "garbage"])
async def test_trouble_with_the_look_itself_never_ends_a_task(world, trouble):
    task = await world.accepts(script=f"poll={trouble} {ALWAYS}")
    async with world.working(lost_after_s=0.2, stalled_after_s=1, parked_wait_s=0.2):
        parked = await world.until(task, parked=True)
        await asyncio.sleep(1.5)
        now = await world.task(task.id)

    assert (parked.parked, now.parked, now.failure) == (Parked.STALLED, Parked.STALLED, None)
    assert not now.state.final


async def test_with_another_key_an_unknown_task_is_not_lost(world):
    task = await world.accepts("kling-v1-6", script=f"run=1 poll=404 {ALWAYS}")
    async with world.working(lost_after_s=600):
        await world.until(task, State.QUEUED)
    other = tuple(
        route.model_copy(update={"credential": SecretStr(f"studio|{KEY}")}) for route in world.settings.routes
    )
    async with world.working(routes=other, lost_after_s=0.5, stalled_after_s=3, parked_wait_s=0.3):
        parked = await world.until(task, parked=True, within_s=50)

    assert (parked.state, parked.parked) == (State.QUEUED, Parked.STALLED)


async def every_look(world, tasks):
    return [look for task in tasks for look in await world.calls(task, "poll")]


async def test_an_upstream_that_asks_for_quiet_is_left_alone_by_every_task_of_its_route(world):
    tasks = [await world.accepts(script="run=30 poll=429 poll_times=1") for _ in range(12)]
    async with world.working(), asyncio.timeout(30):
        while 429 not in {look["status"] for look in await every_look(world, tasks)}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        looks = await every_look(world, tasks)

    # The studio says "Retry-After: 1". Without the quiet each of the twelve would have to be told.
    assert 0 < [look["status"] for look in looks].count(429) < 12


async def detection_lags(world, tasks) -> list[float]:
    """Seconds from acceptance to the end on our record, sorted by no one yet."""
    lags: list[float] = []
    for task in tasks:
        ended = await world.until(task, State.DONE, State.DOWNLOADED, within_s=50)
        lags.append((ended.finished_at - ended.created_at).total_seconds())
    return lags


@dataclass
class BlackHole:
    """An upstream that takes every connection, never says a word, and lets nobody go."""

    url: str = ""
    lines: int = 0
    given_up: int = 0  # by those who asked

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be silent for as long as the other side can bear it."""
        self.lines += 1
        await reader.read(-1)
        self.given_up += 1
        writer.close()


@asynccontextmanager
async def black_hole() -> AsyncIterator[BlackHole]:
    """The hole, open."""
    hole = BlackHole()
    server = await asyncio.start_server(hole.take, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    hole.url = f"http://{host}:{port}"
    try:
        yield hole
    finally:
        server.close()


async def test_an_upstream_that_hangs_delays_no_other(world):
    """Bulkheads: places, connections and leases are each route's own, for sending and for looking."""
    calm = [await world.accepts(script="run=0.4") for _ in range(30)]
    async with world.working():
        before = await detection_lags(world, calm)
    # These are known to the gateway, which then falls silent; and as many more are to be sent to it.
    looked_at = [await world.accepts("sora-2", script="run=60") for _ in range(70)]
    async with world.working():
        for task in looked_at:
            await world.until(task, State.QUEUED, State.RUNNING)
    for _ in range(200):
        await world.accepts("sora-2")
    async with black_hole() as hole:
        routes = tuple(
            Route(name=r.name, provider=r.provider, base_url=hole.url, credential=r.credential)
            if r.name == "openai_videos"
            else r
            for r in world.settings.routes
        )
        async with world.working(routes=routes, call_timeout_s=600, submit_timeout_s=600, stop_wait_s=0.1):
            await asyncio.sleep(1)
            beside = [await world.accepts(script="run=0.4") for _ in range(30)]
            during = await detection_lags(world, beside)
            lines, given_up = hole.lines, hole.given_up

    assert lines > 0
    assert given_up == 0, "the others ended when somebody had lost patience with the hole"
    before.sort(), during.sort()
    # Twice, and a second for a machine that does other things; the black hole would make it for ever.
    assert during[-2] < before[-2] * 2 + 1, (before, during)
