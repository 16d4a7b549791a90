"""Tasks: opened once, claimed under a lease, moved by compare-and-set."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.lifecycle import LIVE, Parked, State
from schemas.task import Claimed, Task
from tasks_service.ledger.clock import Clock
from tasks_service.ledger.connection import Book, Database, Row, columns_of
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.moves import Move, values_of
from tasks_service.ledger.new_task import NewTask
from tasks_service.ledger.opening import KeyTaken, Opening, Outrun, WorkTaken
from tasks_service.ledger.reading import Held, claimed_from, moved_from, readable, task_from
from tasks_service.ledger.together import Together

__all__ = ["Filters", "KeyTaken", "Move", "NewTask", "Outrun", "Tasks", "WorkTaken"]

_HEARD_WITHIN = timedelta(seconds=2)  # by a worker that lives and listens; then anybody may take the task


class Tasks(Book, beside=__file__):
    """The rows that everything hangs on. `clock` is read at every claim."""

    def __init__(self, database: Database):
        super().__init__(database)
        self.clock = Clock()
        self._opening = Opening(database)
        self._by_id = Together(self._rows_by_id)

    async def open(
        self, new: NewTask, actor: str, idempotency_key: str | None, window: timedelta = timedelta(0)
    ) -> Task:
        """Accept a task. Raises KeyTaken or WorkTaken, and then nothing was written.

        Those that ask at the same time go together. Work that ended within the window, and was not certainly
        free, is taken as if it were still done. Where no worker has made its month, it is made now; raises
        NoMonth where that cannot be. Not for use in a transaction: a missing month would end it.
        """
        return await self._opening.open(new, actor, idempotency_key, window)

    async def by_key(self, account_id: int, key: str) -> UUID | None:
        """The task that an Idempotency-Key of an account stands for."""
        row = await self._row("by_idempotency_key", account_id=account_id, key=key)
        return row["task_id"] if row else None

    async def get(self, task_id: UUID) -> Task | None:
        """One task."""
        row = await self._by_id.answer(task_id)
        return task_from(row) if row else None

    async def _rows_by_id(self, task_ids: list[UUID]) -> dict[UUID, Row]:
        return {row["id"]: row for row in await self._rows("get", ids=task_ids)}

    async def get_many(self, task_ids: Sequence[UUID], account_id: int | None) -> list[Task]:
        """Several tasks, of one account unless None."""
        return [
            task_from(row) for row in await self._rows("get_many", ids=list(task_ids), account_id=account_id)
        ]

    async def states(self, task_ids: Sequence[UUID], account_id: int | None) -> list[Row]:
        """How several tasks are, of one account unless None."""
        return await self._rows("states", ids=list(task_ids), account_id=account_id)

    async def page(self, filters: Filters, after: UUID | None, limit: int) -> list[Task]:
        """Newest first, below `after`."""
        given = {field.name: getattr(filters, field.name) for field in fields(filters)}
        given |= {"live": filters.states is not None and LIVE.issuperset(filters.states)}
        return [task_from(row) for row in await self._rows("page", **given, after=after, limit=limit)]

    async def versions(self, task_ids: Iterable[UUID]) -> dict[UUID, tuple[Any, ...]]:
        """How far each task is; two equal answers mean that nothing happened between."""
        rows = await self._rows("versions", ids=list(task_ids))
        return {row["id"]: (row["seq"], row["progress"], row["parked"]) for row in rows}

    async def claim(
        self,
        states: Iterable[State],
        limit: int,
        lease: timedelta,
        rooms: Mapping[str, int] = MappingProxyType({}),
        *,
        whole: bool = False,
        by_expiry: bool = False,
    ) -> list[Task]:
        """Take what is due under a lease, the longest overdue first, or `by_expiry` what dies first.

        `rooms` says for each route how many it may give; of all others together come at most `limit`.
        Requests hold images of megabytes, so without `whole` a task's request says its model only, and has no
        digest: never send it. A task that cannot be read is left out, so that it holds up no other.
        """
        due = _due(states, limit, rooms)
        return await self._claim(task_from, **due, lease=lease, whole=whole, by_expiry=by_expiry)

    async def watch(
        self, states: Iterable[State], limit: int, lease: timedelta, rooms: Mapping[str, int]
    ) -> list[Claimed]:
        """Claim, for whoever takes many and keeps of each no more than it needs: see `claim`."""
        due = _due(states, limit, rooms)
        return await self._claim(claimed_from, **due, lease=lease, whole=False, by_expiry=False)

    async def _claim(self, read: Callable[[Row], Held], **asked: Any) -> list[Held]:
        rows = await self._rows("claim", **asked)
        if rows:
            self.clock.read(rows[0]["read_at"])
        tasks = readable(rows, read)
        if len(tasks) < len(rows):
            await self._set_aside(rows, {task.id for task in tasks})
        return tasks

    async def held(self, task: Claimed) -> Task:
        """A watched task as `claim` gives it, without its request, which another release may have written.

        Raises Outrun where it is somebody else's by now, or has been moved.
        """
        row = await self._row("held", id=task.id, claim=task.claim, seq=task.seq)
        if row is None:
            raise Outrun(task.id)
        return task_from(row)

    async def _set_aside(self, rows: Sequence[Row], read: set[UUID]) -> None:
        """What cannot be read may be another release's; when nobody could for long, a person sees it."""
        for row in rows:
            if row["id"] not in read:
                versions = {name: row[name] for name in ("id", "seq", "claim")}
                await self._row("set_aside", **versions, note_id=uuid7())

    async def renew(self, held: Sequence[Task | Claimed], lease: timedelta) -> set[UUID]:
        """Prolong leases in bulk; what is not in the answer belongs to somebody else now."""
        rows = await self._rows(
            "renew",
            ids=[task.id for task in held],
            claims=[task.claim for task in held],
            seqs=[task.seq for task in held],
            lease=lease,
        )
        return {row["id"] for row in rows}

    async def ring(self, task_id: UUID, route: str, attempt: int) -> bool | None:
        """Have whoever watches a task look at it; False where nobody polls it, None where it is no such task.

        The lease stays with a watcher who hears it, and renews it. A ring that nobody hears ends it.
        """
        row = await self._row(
            "ring",
            id=task_id,
            route=route,
            attempt=attempt,
            states=[State.QUEUED.value, State.RUNNING.value],
            heard_within=_HEARD_WITHIN,
        )
        return row["polled"] if row else None

    def rung(self) -> AsyncGenerator[str]:
        """The ids of tasks as they are rung for; empty once, as it begins to listen: see `notices`."""
        return self._database.notices("task_rung")

    async def postpone(self, task: Task, wait: timedelta) -> None:
        """Look again later. Raises Outrun."""
        await self._mine("postpone", task, wait=wait)

    async def note_progress(self, seen: Sequence[tuple[Held, int]]) -> list[Held | None]:
        """Remember how far the upstream says they are; None for each that is somebody else's now."""
        if not seen:
            return []
        rows = await self._rows(
            "note_progress",
            ids=[task.id for task, _ in seen],
            claims=[task.claim for task, _ in seen],
            seqs=[task.seq for task, _ in seen],
            progress=[progress for _, progress in seen],
        )
        noted = {(row["id"], row["claim"]) for row in rows}
        return [
            replace(task, progress=progress) if (task.id, task.claim) in noted else None
            for task, progress in seen
        ]

    async def advance(self, task: Held, move: Move) -> Held:
        """Move a task along one legal edge. Raises Outrun when someone else moved it first."""
        [moved] = await self.advance_all([(task, move)])
        if moved is None:
            raise Outrun(task.id)
        return moved

    async def advance_all(self, moves: Sequence[tuple[Held, Move]]) -> list[Held | None]:
        """Move tasks along one legal edge each; None for each that someone else moved first."""
        if not moves:
            return []
        columns = columns_of([values_of(task, move) for task, move in moves])
        # Of two holders of one task only one can have moved it: the one whose claim the row has.
        rows = {(row["id"], row["claim"]): row for row in await self._rows("advance", **columns)}
        found = ((task, rows.get((task.id, task.claim))) for task, _ in moves)
        return [moved_from(task, row) if row else None for task, row in found]

    async def park(
        self, task: Task | Claimed, why: Parked, wait: timedelta, actor: str, detail: str | None
    ) -> bool:
        """Ask for a person's eyes; False where that was done already, or the task is no longer ours."""
        row = await self._row(
            "park",
            id=task.id,
            seq=task.seq,
            claim=task.claim,
            parked=why.value,
            wait=wait,
            note_id=uuid7(),
            actor=actor,
            detail=detail,
        )
        return row is not None

    async def cancel(self, task_id: UUID, actor: str) -> bool:
        """End a task before anything was spent: True; otherwise leave the wish for a worker: False."""
        if await self._row("cancel_before_spend", id=task_id, actor=actor):
            return True
        await self._row("request_cancel", id=task_id, note_id=uuid7(), actor=actor)
        return False

    async def live_counts(self) -> list[Row]:
        """How many tasks are on their way, by state, and how long the most overdue one waits."""
        return await self._rows("live_counts")

    async def _mine(self, query: str, task: Task, **values: Any) -> None:
        if await self._row(query, id=task.id, claim=task.claim, seq=task.seq, **values) is None:
            raise Outrun(task.id)


def _due(states: Iterable[State], limit: int, rooms: Mapping[str, int]) -> dict[str, Any]:
    return {
        "states": [state.value for state in states],
        "routes": [*rooms, None],
        "rooms": [*rooms.values(), limit],
    }
