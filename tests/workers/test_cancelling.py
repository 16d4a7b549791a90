"""A wish to cancel, and what an upstream makes of it."""

import asyncio

import pytest
from starlette.exceptions import HTTPException

from schemas.failures import FailureKind
from schemas.lifecycle import State
from workers.sandbox.studio import Studio


async def test_a_waiting_task_can_be_cancelled_upstream(world):
    task = await world.accepts(script="queue=30")
    async with world.working():
        await world.until(task, State.QUEUED)
        await world.ledger.tasks.cancel(task.id, "customer:test")
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.CANCELED)
    assert [call["status"] for call in await world.calls(task, "cancel")] == [200]


async def test_a_wish_to_cancel_is_heard_though_the_lease_is_renewed_before_the_next_claim(world):
    task = await world.accepts(script="queue=600")
    async with world.working(tick_s=2, lease_s=3), asyncio.timeout(50):
        while (watched := await world.task(task.id)).state is State.SUBMITTED or watched.claim < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await world.ledger.tasks.cancel(task.id, "customer:test")
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.CANCELED)


@pytest.mark.parametrize("model", ["sandbox-image-1-fast", "doubao-seedance-1-0-pro-250528"])
@pytest.mark.parametrize("status", [401, 429, 503])
async def test_a_wish_to_cancel_that_was_not_heard_is_said_again(world, monkeypatch, model, status):
    heard, cancel = [], Studio.cancel

    async def deaf_once(self, job):
        heard.append(job)
        if len(heard) == 1:
            raise HTTPException(status)
        return await cancel(self, job)

    monkeypatch.setattr(Studio, "cancel", deaf_once)
    task = await world.accepts(model, script="queue=600")
    async with world.working():
        await world.until(task, State.QUEUED)
        await world.ledger.tasks.cancel(task.id, "customer:test")
        ended = await world.until(task)

    assert len(heard) == 2
    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.CANCELED)


async def test_a_task_that_can_no_longer_be_cancelled_goes_on(world):
    task = await world.accepts(script="run=1.5")
    async with world.working():
        await world.until(task, State.RUNNING)
        await world.ledger.tasks.cancel(task.id, "customer:test")
        ended = await world.until(task)

    assert ended.state is State.DOWNLOADED
    assert [call["status"] for call in await world.calls(task, "cancel")] == [409]
