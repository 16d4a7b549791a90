"""The spend latch: an intention is committed before the paid request leaves, and settled after."""

from schemas.ids import task_id_text
from schemas.lifecycle import Spend
from schemas.task import Task
from tasks_service.ledger.connection import Book, Row, Taken


def reference_of(task: Task, attempt: int) -> str:
    """Our name for one paid request, the same at every try of the same attempt."""
    return f"{task_id_text(task.id)}_{attempt}"


class Spends(Book, beside=__file__):
    """One request that may have been paid per task, enforced by `one_possible_spend_per_task`."""

    async def intend(self, task: Task) -> str | None:
        """Record the next attempt and answer its reference; None means: do not send."""
        attempt = task.attempt + 1
        reference = reference_of(task, attempt)
        try:
            row = await self._row(
                "intend", id=task.id, seq=task.seq, claim=task.claim, attempt=attempt, reference=reference
            )
        except Taken:
            return None
        return reference if row else None

    async def settle(self, task: Task, attempt: int, outcome: Spend, upstream_id: str | None) -> bool:
        """Say what became of an attempt; False where that was known, or settled for good."""
        row = await self._row(
            "settle", id=task.id, attempt=attempt, outcome=outcome.value, upstream_id=upstream_id
        )
        return row is not None

    async def attempts(self, task: Task) -> list[Row]:
        """Every intention to spend on a task, oldest first."""
        return await self._rows("attempts", id=task.id)
