"""What happened to a task, told in order: checks, moves, calls, notes and files as one list."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from schemas.ids import task_id_text
from schemas.task import Task
from tasks_service.ledger.ledger import Ledger

Row = Mapping[str, Any]
Facts = Mapping[str, Any]


class Entry(NamedTuple):
    """One thing that happened. `seq` is its position in the story, from 1."""

    at: datetime
    seq: int
    type: str  # state, check, call, artifact, parked, decision or note
    actor: str
    facts: Facts


# An entry that does not know its position yet: when, a rank that orders what happened at the same time, type,
# actor and facts. Of these there are dozens in every story, so that they are plain tuples.
_Moment = tuple[datetime, int, str, str, Facts]


async def story(ledger: Ledger, task: Task) -> list[Entry]:
    """Everything that is on record about a task, oldest first."""
    told = await ledger.history.told(task.id)
    return entries(task, events=told.events, calls=told.calls, notes=told.notes, artifacts=told.artifacts)


def entries(
    task: Task, *, events: Sequence[Row], calls: Sequence[Row], notes: Sequence[Row], artifacts: Sequence[Row]
) -> list[Entry]:
    """The rows of one task as one story."""
    submitter = events[0]["actor"] if events else "worker"
    moments = [
        *_checks(task, submitter),
        *_calls(calls),
        *_files(artifacts),
        *_notes(notes),
        *_moves(events),
    ]
    # A stable sort, so that each kind keeps its own order.
    moments.sort(key=itemgetter(0, 1))
    return [
        Entry(at, seq, kind, actor, facts) for seq, (at, _, kind, actor, facts) in enumerate(moments, start=1)
    ]


def _checks(task: Task, submitter: str) -> Iterator[_Moment]:
    at = task.created_at
    for facts in chain(_rules(task.checked, task.not_checked, task.catalogue), _pictures(task)):
        yield (at, 0, "check", submitter, facts)


@lru_cache(maxsize=1024)
def _rules(
    checked: tuple[str, ...], not_checked: tuple[str, ...], catalogue: str | None
) -> tuple[Facts, ...]:
    """What was checked and what was not: the same for thousands of tasks, and made once for all of them."""
    outcomes = [{"rule": rule, "outcome": "passed"} for rule in checked]
    unknown = [{"rule": name, "outcome": "not_checked"} for name in not_checked]
    by = {"catalogue": catalogue} if catalogue else {}
    return tuple(facts | by for facts in outcomes + unknown)


def _pictures(task: Task) -> Iterator[Facts]:
    names = ("role", "file_id", "bytes", "width", "height", "source")
    for n, given in enumerate(task.pictures):
        facts = {"rule": "reference_image", "outcome": "vetted", "n": n, "media_type": given.type}
        yield facts | {name: getattr(given, name) for name in names}


def _moves(events: Sequence[Row]) -> Iterator[_Moment]:
    latest = datetime.min.replace(tzinfo=UTC)
    for row in events:
        # The chain is the truth about their order; a clock that was set back is not.
        latest = max(latest, row["at"])
        facts = {
            "from": row["from_state"],
            "to": row["to_state"],
            "cause": row["cause"],
            "detail": row["detail"],
        }
        yield (latest, 3, "state", row["actor"], facts)


def _calls(calls: Sequence[Row]) -> Iterator[_Moment]:
    for row in calls:
        facts = {
            "purpose": row["purpose"],
            "attempt": row["attempt"],
            "route": row["route"],
            "method": row["method"],
            "path": row["path"],
            "status": row["status"],
            "trouble": row["trouble"],
            "latency_ms": row["latency_ms"],
            "upstream_request_id": row["upstream_request_id"],
            "answer_digest": row["answer_digest"],
            "body": row["body"],
            "repeats": row["repeats"],
            "last_at": row["last_at"],
        }
        yield (row["sent_at"], 1, "call", "worker", facts)


def _files(artifacts: Sequence[Row]) -> Iterator[_Moment]:
    names = ("n", "bytes", "sha256", "width", "height", "duration_s")
    for row in artifacts:
        facts = {name: row[name] for name in names} | {"media_type": row["type"]}
        yield (row["stored_at"], 2, "artifact", "worker", facts)


def _notes(notes: Sequence[Row]) -> Iterator[_Moment]:
    for row in notes:
        facts = {"reason": row["reason"], "detail": row["detail"]}
        if row["reason"] == "duplicate_allowed":
            facts["detail"] = f"the same work as {task_id_text(UUID(row['detail']))}"
        yield (row["at"], 2, row["type"], row["actor"], facts)
