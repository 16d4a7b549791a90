"""Tasks from their rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from structlog.stdlib import get_logger

from schemas.capabilities import Kind
from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, Spend, State
from schemas.pictures import GivenPicture
from schemas.task import Artifact, Claimed, Task, TaskRequest
from tasks_service.ledger.connection import Row

log = get_logger()

Held = TypeVar("Held", Task, Claimed)

_KEPT = ("id", "account_id", "request_sha256", "external_id", "duplicate_allowed", "created_at")
_SHARED = ("account", "key_id", "model", "provider", "route", "endpoint", "catalogue")
_WHERE = ("model", "provider", "route", "endpoint")
_CHANGING = (
    "seq",
    "claim",
    "due_at",
    "attempt",
    "upstream_id",
    "progress",
    "parked_at",
    "cancel_requested_at",
    "queued_at",
    "running_at",
    "finished_at",
    "downloaded_at",
    "result_expires_at",
    "failure_group",
)
_OF_FILES = ("n", "key", "type", "bytes", "sha256", "width", "height")


def task_from(row: Row) -> Task:
    """A task from its row. What is the same in many tasks is one object, since a page or a batch has many."""
    request = row["request"]
    return Task(
        kind=Kind(row["kind"]),
        request=_bare(request["model"]) if request.keys() == {"model"} else _request(request),
        checked=_words(*row["checked"]),
        not_checked=_words(*row["not_checked"]),
        pictures=tuple(map(_given, row["pictures"])),
        # A claimed task is not over, so that its row does not say.
        erased_at=row.get("erased_at"),
        files=_files(row.get("files")),
        **{name: row[name] for name in _KEPT},
        **{name: row[name] and intern(row[name]) for name in _SHARED},
        **_changing(row),
    )


def claimed_from(row: Row) -> Claimed:
    """What a watcher keeps of a task, from the row that its claim brought."""
    return Claimed(
        id=row["id"],
        **{name: intern(row[name]) for name in _WHERE},
        **_watched(row, row["created_at"]),
    )


def moved_from(task: Held, row: Row) -> Held:
    """The same task after a move, from the columns that may have changed."""
    if isinstance(task, Claimed):
        return replace(task, **_watched(row, task.upstream_since))
    return replace(task, files=None, **_changing(row))


def readable(rows: Iterable[Row], read: Callable[[Row], Held]) -> list[Held]:
    """The tasks of those rows that can be read; of the others the log tells."""
    tasks: list[Held] = []
    for row in rows:
        try:
            tasks.append(read(row))
        except (ValueError, TypeError, KeyError) as error:
            log.error("task_unreadable", task_id=str(row["id"]), error=_why(error))
    return tasks


def _changing(row: Row) -> dict[str, Any]:
    failure = row["failure_kind"] and Failure(
        FailureKind(row["failure_kind"]),
        row["failure_message"] or "",
        row["failure_code"],
        row["failure_status"],
        row["failure_request_id"],
    )
    return {name: row[name] for name in _CHANGING} | {
        "state": State(row["state"]),
        "spend": Spend(row["spend"]),
        "parked": row["parked"] and Parked(row["parked"]),
        "failure": failure or None,
    }


def _watched(row: Row, since: datetime) -> dict[str, Any]:
    state, since = State(row["state"]), row["queued_at"] or since
    return {
        "state": state,
        "seq": row["seq"],
        "claim": row["claim"],
        "spend": Spend(row["spend"]),
        "attempt": row["attempt"],
        "upstream_id": row["upstream_id"],
        "progress": row["progress"],
        "parked": row["parked"] and Parked(row["parked"]),
        "cancel_requested": row["cancel_requested_at"] is not None,
        "upstream_since": since,
        "state_since": (row["running_at"] if state is State.RUNNING else None) or since,
    }


def _request(value: Mapping[str, Any]) -> TaskRequest:
    # What was accepted by another release is read as far as this one knows it.
    return TaskRequest.model_validate(value, strict=False, extra="ignore")


@lru_cache(maxsize=1024)
def _bare(model: str) -> TaskRequest:
    """What `claim` says of a request that nobody needs whole."""
    return _request({"model": model})


@lru_cache(maxsize=1024)
def _words(*words: str) -> tuple[str, ...]:
    return words


def _given(entry: Mapping[str, Any]) -> GivenPicture:
    # What another release knows more of a picture is passed over, as in requests.
    return GivenPicture(**{name: value for name, value in entry.items() if name in GivenPicture.__slots__})


def artifact_from(row: Row) -> Artifact:
    """A file from its row."""
    length_s = row["duration_s"]
    # What came as JSON may say 5 for 5.0.
    length_s = None if length_s is None else float(length_s)
    return Artifact(**{name: row[name] for name in _OF_FILES}, duration_s=length_s)


def _files(told: str | None) -> tuple[Artifact, ...] | None:
    return None if told is None else tuple(map(artifact_from, orjson.loads(told)))


def _why(error: Exception) -> str:
    # pydantic's own words quote what the customer wrote.
    if isinstance(error, ValidationError):
        return "; ".join(f"{wrong['loc']}: {wrong['type']}" for wrong in error.errors(include_input=False))
    return repr(error)
