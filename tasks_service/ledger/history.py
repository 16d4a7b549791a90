"""What happened to a task: states, calls, artifacts and notes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from schemas.task import Artifact
from tasks_service.ledger.connection import Book, Database, Row, columns_of
from tasks_service.ledger.reading import artifact_from
from tasks_service.ledger.together import Together

# What is told, and the moments in it.
_MOMENTS = {
    "events": ("at",),
    "calls": ("sent_at", "last_at"),
    "notes": ("at",),
    "artifacts": ("stored_at",),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One exchange with an upstream, as evidence: its words have lost their secrets already."""

    id: UUID
    purpose: str  # submit, poll, download, lookup or cancel
    attempt: int
    route: str
    method: str
    path: str
    sent_at: datetime
    latency_ms: int
    status: int | None
    trouble: str | None
    upstream_request_id: str | None
    answer_sha256: bytes | None
    body: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that is on record about a task beside its row, each oldest first."""

    events: Sequence[Row] = ()
    calls: Sequence[Row] = ()
    notes: Sequence[Row] = ()
    artifacts: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """An answer on record that came again, so many times."""

    task_id: UUID
    id: UUID
    times: int
    last_at: datetime


class History(Book, beside=__file__):
    """Evidence is added, never changed; only the count of equal answers grows."""

    def __init__(self, database: Database):
        super().__init__(database)
        self._told = Together(self._told_of)

    async def record(self, task_id: UUID, calls: Sequence[Call], *, equal_once: bool = False) -> None:
        """Keep exchanges as evidence; with `equal_once`, one that went like the last is counted there."""
        if (
            equal_once
            and len(calls) == 1
            and await self._row("repeat_last", task_id=task_id, **_gist(calls[0]))
        ):
            return
        await self.record_all([(task_id, call) for call in calls])

    async def record_all(self, calls: Sequence[tuple[UUID, Call]]) -> None:
        """Keep exchanges about several tasks."""
        if calls:
            columns = {name: [getattr(call, name) for _, call in calls] for name in _COLUMNS}
            await self._rows("record_calls", task_id=[task_id for task_id, _ in calls], **columns)

    async def repeat(self, repeats: Sequence[Repeat]) -> None:
        """The same answers came again."""
        if repeats:
            await self._rows("repeat_calls", **columns_of([asdict(repeat) for repeat in repeats]))

    async def keep(self, task_id: UUID, artifacts: Sequence[Artifact]) -> None:
        """The files are ours. Raises Taken where somebody kept them first."""
        for artifact in artifacts:
            await self._row("keep_artifact", task_id=task_id, **asdict(artifact))

    async def events(self, task_id: UUID) -> list[Row]:
        """The states, oldest first."""
        return await self._rows("events", id=task_id)

    async def calls(self, task_id: UUID) -> list[Row]:
        """The exchanges with the upstream, oldest first."""
        return await self._rows("calls", id=task_id)

    async def notes(self, task_id: UUID) -> list[Row]:
        """What happened without a move, oldest first."""
        return await self._rows("notes", id=task_id)

    async def told(self, task_id: UUID) -> Told:
        """All of these in one exchange."""
        return await self._told.answer(task_id) or Told()

    async def _told_of(self, task_ids: list[UUID]) -> dict[UUID, Told]:
        return {row["id"]: _told(row) for row in await self._rows("told", ids=task_ids)}

    async def artifacts(self, task_id: UUID) -> list[Artifact]:
        """The files of a task, in order."""
        return [artifact_from(row) for row in await self._rows("artifacts", id=task_id)]

    async def artifacts_of(self, task_ids: Sequence[UUID]) -> dict[UUID, list[Artifact]]:
        """The files of several tasks."""
        found: dict[UUID, list[Artifact]] = {task_id: [] for task_id in task_ids}
        for row in await self._rows("artifacts_of", ids=list(task_ids)):
            found[row["task_id"]].append(artifact_from(row))
        return found

    async def add_note(
        self, task_id: UUID, note_id: UUID, kind: str, actor: str, reason: str, detail: str | None
    ) -> None:
        """Something worth telling happened without a move."""
        await self._row(
            "add_note", task_id=task_id, id=note_id, type=kind, actor=actor, reason=reason, detail=detail
        )


_COLUMNS = tuple(field.name for field in fields(Call))


def _gist(call: Call) -> dict[str, Any]:
    names = ("purpose", "attempt", "route", "path", "status", "trouble", "sent_at")
    return {name: getattr(call, name) for name in names}


def _told(row: Row) -> Told:
    return Told(
        **{name: [_read(one, moments) for one in _rows(row[name])] for name, moments in _MOMENTS.items()}
    )


def _rows(told: str | None) -> list[dict[str, Any]]:
    return orjson.loads(told) if told else []


def _read(entry: dict[str, Any], moments: Sequence[str]) -> Row:
    """A row that went through JSON, with the types that it lost there."""
    for name in moments:
        entry[name] = datetime.fromisoformat(entry[name])
    if entry.get("duration_s") is not None:
        entry["duration_s"] = float(entry["duration_s"])
    return entry
