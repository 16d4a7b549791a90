"""What people decide about a task: compare-and-set with its note in one statement, or nothing at all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.failure_groups import trouble_of
from schemas.failures import Failure, FailureKind, may_be_charged
from schemas.lifecycle import Spend
from schemas.task import Task
from tasks_service.ledger.connection import Book
from tasks_service.ledger.grouping import group_values


@dataclass(frozen=True, slots=True)
class Said:
    """Who decides, and why: both become history."""

    actor: str
    reason: str


class Decisions(Book, beside=__file__):
    """Each answers False where the task is not, or no longer, one about which this can be decided."""

    async def attach(self, task: Task, said: Said, upstream_id: str) -> bool:
        """The unknown attempt made this work at the upstream. Raises Taken where another task has the id."""
        detail = f"{said.reason} (upstream id {upstream_id})"
        return await self._settle(task, Said(said.actor, detail), "attach", Spend.CONFIRMED, upstream_id)

    async def not_created(self, task: Task, said: Said) -> bool:
        """The unknown attempt made nothing; refused while its sender may still be waiting for the answer."""
        return await self._settle(task, said, "not_created", Spend.NOT_CREATED, None)

    async def close(self, task: Task, said: Said, kind: FailureKind) -> bool:
        """End a parked task as failed."""
        parked = task.parked.value if task.parked else None
        values = {"attempt": task.attempt, "from_state": task.state.value, "parked": parked}
        values |= {"failure_kind": kind.value, "may_be_charged": may_be_charged(kind)}
        values |= group_values(trouble_of(task.provider, task.state, Failure(kind)))
        return await self._decide("close", task, said, **values)

    async def look_again(self, task: Task, said: Said) -> bool:
        """Have a live task looked at now."""
        return await self._decide("look_again", task, said)

    async def not_before(self, task: Task) -> datetime | None:
        """From when on nobody can be waiting for an answer to the latest attempt; None where that is past."""
        row = await self._row("not_before", id=task.id, attempt=task.attempt)
        return row["at"] if row else None

    async def holder(self, task: Task, upstream_id: str) -> UUID | None:
        """The task whose work this id names on the same route."""
        row = await self._row("holder", route=task.route, upstream_id=upstream_id)
        return row["task_id"] if row else None

    async def _settle(
        self, task: Task, said: Said, decision: str, outcome: Spend, upstream_id: str | None
    ) -> bool:
        return await self._decide(
            "settle_unknown",
            task,
            said,
            attempt=task.attempt,
            decision=decision,
            outcome=outcome.value,
            upstream_id=upstream_id,
        )

    async def _decide(self, query: str, task: Task, said: Said, **values: Any) -> bool:
        values |= {"note_id": uuid7(), "actor": said.actor, "detail": said.reason}
        return await self._row(query, id=task.id, seq=task.seq, **values) is not None
