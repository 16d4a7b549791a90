"""The spend latch: an intention is committed before the paid request leaves, and settled after."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from schemas.ids import task_id_text
from schemas.lifecycle import Spend
from schemas.task import Claimed, Task
from tasks_service.ledger.connection import Book, Row, Taken
from tasks_service.ledger.tasks import Outrun


def reference_of(task_id: UUID) -> str:
    """Our name for a task's paid request at its upstream: one for all attempts, whatever they are counted as.

    So an upstream that knows references guards against us, too: against a ledger that has forgotten how many
    attempts there were, and against an attempt that was declared not created too early.
    """
    return task_id_text(task_id)


@dataclass(frozen=True, slots=True)
class Intention:
    """What is about to be sent, until when it may leave, and how long after that an answer is waited for."""

    send_within: timedelta = timedelta(seconds=20)
    answer_within: timedelta = timedelta(0)
    body_sha256: bytes | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One intention on record. The ages were PostgreSQL's when it was read, so no clock of ours matters."""

    number: int
    reference: str
    outcome: Spend
    upstream_id: str | None
    intended_at: datetime
    settled_at: datetime | None
    send_deadline: datetime
    answer_by: datetime
    body_sha256: bytes | None
    credential: str | None
    age_s: float
    past_answer_s: float  # since nobody can be waiting for its answer any more


class Spends(Book, beside=__file__):
    """One request that may have been paid per task, enforced by `one_possible_spend_per_task`."""

    async def intend(self, task: Task, intention: Intention | None = None) -> str | None:
        """Record the next attempt and answer its reference; None means: do not send."""
        attempt, what = task.attempt + 1, intention or Intention()
        reference = reference_of(task.id)
        try:
            row = await self._row(
                "intend",
                id=task.id,
                seq=task.seq,
                claim=task.claim,
                attempt=attempt,
                reference=reference,
                send_within=what.send_within,
                answer_within=what.answer_within,
                body_sha256=what.body_sha256,
                credential=what.credential,
            )
        except Taken:
            return None
        return reference if row else None

    async def settle(
        self, task: Task, attempt: int, outcome: Spend, upstream_id: str | None, *, claim: int | None = None
    ) -> bool:
        """Say what became of an attempt; False where that was known, or settled for good.

        With `claim` only of an attempt that was made under it: a sender whose intention was never committed
        must not speak for whoever came after it under the same number.
        """
        values = {"outcome": outcome.value, "upstream_id": upstream_id, "claim": claim}
        return await self._row("settle", id=task.id, attempt=attempt, **values) is not None

    async def insist(self, task: Task, attempt: int, outcome: Spend, upstream_id: str | None) -> None:
        """Settle, or find it settled like that. Raises Outrun where the record says something else."""
        if await self.settle(task, attempt, outcome, upstream_id):
            return
        known = next((one for one in await self.attempts(task) if one.number == attempt), None)
        if known is None or (known.outcome, known.upstream_id) != (outcome, upstream_id):
            raise Outrun(task.id)

    async def take_up(self, task: Task, attempt: int, upstream_id: str) -> bool:
        """Adopt what an attempt made that had been declared not created; False where it is too late."""
        reference = reference_of(task.id)
        row = await self._row(
            "take_up", id=task.id, attempt=attempt, reference=reference, upstream_id=upstream_id
        )
        return row is not None and await self.settle(task, row["attempt"], Spend.CONFIRMED, upstream_id)

    async def attempts(self, task: Task | Claimed) -> list[Attempt]:
        """Every intention to spend on a task, oldest first."""
        return [_attempt(row) for row in await self._rows("attempts", id=task.id)]

    async def latest(self, task: Task | Claimed) -> Attempt | None:
        """The last intention to spend on a task."""
        attempts = await self.attempts(task)
        return attempts[-1] if attempts else None


def _attempt(row: Row) -> Attempt:
    return Attempt(
        number=row["attempt"],
        outcome=Spend(row["outcome"]),
        **{name: row[name] for name in Attempt.__slots__ if name not in ("number", "outcome")},
    )
