"""Tasks to begin with, and a plain connection to cheat with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from schemas.capabilities import Kind
from schemas.fingerprint import fingerprint
from schemas.lifecycle import FIRST, Spend, State
from schemas.task import Task, TaskRequest
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move, NewTask

Opener = Callable[..., Awaitable[Task]]
LEASE = timedelta(seconds=30)


@pytest.fixture
async def caller(ledger: Ledger) -> Caller:
    found = await ledger.keys.find(await ledger.keys.new("acme"))
    assert found is not None
    return found


@pytest.fixture
def opened(ledger: Ledger, caller: Caller) -> Opener:
    """Opens a task; the prompt makes it another piece of work each time."""

    async def open_task(key: str | None = None, **request: Any) -> Task:
        new = new_task(caller, **({"prompt": str(uuid7())} | request))
        await ledger.tasks.open(new, caller.actor, key)
        task = await ledger.tasks.get(new.id)
        assert task is not None
        return task

    return open_task


@pytest.fixture
def brought_to(ledger: Ledger, opened: Opener) -> Callable[[State], Awaitable[Task]]:
    """A claimed task in any state, brought there by legal moves."""

    async def bring(state: State) -> Task:
        await opened()
        [task] = await ledger.tasks.claim([FIRST], 1, LEASE, whole=True)
        if State.QUEUED in _PATHS[state]:
            await ledger.spends.intend(task)
            await ledger.spends.settle(task, 1, Spend.CONFIRMED, f"u-{task.id}")
        for step in _PATHS[state]:
            wait = None if step.final else LEASE
            task = await ledger.tasks.advance(
                task, Move(step, "worker", "test", wait, upstream_id=f"u-{task.id}")
            )
        return task

    return bring


@pytest.fixture
async def sql(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """What somebody with psql could do."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


def new_task(caller: Caller, **request: Any) -> NewTask:
    asked = TaskRequest(model="sandbox-image-1", **request)
    return NewTask(
        id=uuid7(),
        account_id=caller.account_id,
        key_id=caller.key_id,
        model=asked.model,
        kind=Kind.IMAGE,
        provider="sandbox",
        route="sandbox",
        request=asked,
        request_sha256=bytes(32),
        fingerprint=fingerprint(asked),
        checked=("prompt_is_given",),
        not_checked=(),
    )


_PATHS = {
    State.SUBMITTED: (),
    State.QUEUED: (State.QUEUED,),
    State.RUNNING: (State.QUEUED, State.RUNNING),
    State.DONE: (State.QUEUED, State.DONE),
    State.DOWNLOADED: (State.QUEUED, State.RUNNING, State.DONE, State.DOWNLOADED),
    State.FAILED: (State.FAILED,),
}
