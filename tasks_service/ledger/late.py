"""Late looks: a task that we gave up is over, and its upstream may finish it all the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tasks_service.ledger.connection import Book


@dataclass(frozen=True, slots=True)
class LateLook:
    """One task to look at after its end, under a lease; `over` where this look is the last."""

    task_id: UUID
    route: str
    claim: int
    over: bool
    upstream_id: str | None = None  # where the task itself never came to know it


class Late(Book, beside=__file__):
    """What is still looked at after the end, for seven days."""

    async def begin(self, task_id: UUID, wait: timedelta, upstream_id: str | None = None) -> None:
        """Look on from now, first after `wait`; harmless where that is done already."""
        await self._row("begin", task_id=task_id, wait=wait, upstream_id=upstream_id)

    async def claim(self, limit: int, lease: timedelta, full_routes: Sequence[str] = ()) -> list[LateLook]:
        """Take what is due, and leave what is on routes that have no place left."""
        rows = await self._rows("claim", limit=limit, lease=lease, full_routes=list(full_routes))
        return [LateLook(**{name: row[name] for name in LateLook.__slots__}) for row in rows]

    async def postpone(self, look: LateLook, wait: timedelta) -> None:
        """Nothing new yet."""
        await self._row("postpone", task_id=look.task_id, claim=look.claim, wait=wait)

    async def finish(self, look: LateLook) -> bool:
        """Nothing more to see; False where somebody else has taken it over."""
        return await self._row("finish", task_id=look.task_id, claim=look.claim) is not None
