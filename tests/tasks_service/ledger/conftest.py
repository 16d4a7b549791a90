"""Tasks to begin with, and a plain connection to cheat with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from schemas.capabilities import Kind
from schemas.failures import Failure, FailureKind
from schemas.fingerprint import fingerprint
from schemas.lifecycle import FIRST, Parked, Spend, State
from schemas.task import Task, TaskRequest
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.spend import Intention
from tasks_service.ledger.tasks import Move, NewTask

Opener = Callable[..., Awaitable[Task]]
LEASE = timedelta(seconds=30)
ANSWERED_WITHIN = timedelta(seconds=120)
LONG_AGO = timedelta(seconds=-121)
NO_TIME = timedelta(0)
HOUR = timedelta(hours=1)
REFUSED = Failure(FailureKind.CONTENT_POLICY_INPUT, 'no "red kites", job {}', "E451", 451, "req-{}")


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
def in_doubt(ledger: Ledger, opened: Opener) -> Opener:
    """A task that was sent, got no clear answer, and waits for a person."""

    async def bring(send_within=LONG_AGO, **request):
        made = await opened(**request)
        claimed = await ledger.tasks.claim([State.SUBMITTED], 100, NO_TIME)
        [task] = [one for one in claimed if one.id == made.id]
        await ledger.spends.intend(task, Intention(send_within, ANSWERED_WITHIN))
        await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
        await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, HOUR, "worker", None)
        return await ledger.tasks.get(task.id)

    return bring


@pytest.fixture
def parked_at(
    ledger: Ledger, brought_to: Callable[[State], Awaitable[Task]]
) -> Callable[[State, Parked], Awaitable[Task]]:
    """A parked task in any state that is not final."""

    async def bring(state, why):
        task = await brought_to(state)
        assert await ledger.tasks.park(task, why, HOUR, "worker", None)
        return await ledger.tasks.get(task.id)

    return bring


@pytest.fixture
async def sql(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """What somebody with psql could do."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
def everything(sql: asyncpg.Connection) -> Callable[[Task], Awaitable[list[Any]]]:
    """All that is on record about a task, to see that nothing was written."""

    async def read(task) -> list[Any]:
        tables = {"task": "id", "spend": "task_id", "task_event": "task_id", "task_note": "task_id"}
        rows = [
            await sql.fetch(f"SELECT t::text FROM {table} t WHERE {name} = $1 ORDER BY 1", task.id)
            for table, name in tables.items()
        ]
        return [*rows, await sql.fetch("SELECT * FROM late_look"), await sql.fetch("SELECT * FROM live_work")]

    return read


@pytest.fixture
def failing(ledger, opened):
    """Fails a task, and says which; the words hold something of its own."""

    async def fail(number=0, *, spend=Spend.NOT_CREATED, **changes):
        made = await opened()
        [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
        assert task.id == made.id
        await ledger.spends.intend(task)
        if spend is not Spend.INTENDED:
            await ledger.spends.settle(task, 1, spend, f"u-{task.id}" if spend is Spend.CONFIRMED else None)
        failure = replace(REFUSED, message=REFUSED.message.format(number + 1), request_id=f"req-{number}")
        failure = replace(failure, **changes)
        return await ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=failure))

    return fail


async def whole_ledger(sql: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table as text, so that a table that comes later is looked through as well."""
    tables = await sql.fetch(
        """SELECT relname FROM pg_class
           WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"""
    )
    names = [row["relname"] for row in tables]
    return {
        name: [row[0] for row in await sql.fetch(f'SELECT t::text FROM "{name}" t ORDER BY 1')]
        for name in names
    }


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
