"""Tasks from their rows."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from structlog.stdlib import get_logger

from schemas.capabilities import Kind
from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, Spend, State
from schemas.pictures import GivenPicture
from schemas.task import Task, TaskRequest
from tasks_service.ledger.connection import Row

log = get_logger()

_KEPT = (
    "id",
    "account_id",
    "account",
    "key_id",
    "model",
    "provider",
    "route",
    "endpoint",
    "request_sha256",
    "external_id",
    "duplicate_allowed",
    "created_at",
    "catalogue",
)
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
)


def task_from(row: Row) -> Task:
    """A task from its row."""
    return Task(
        kind=Kind(row["kind"]),
        # What was accepted by another release is read as far as this one knows it.
        request=TaskRequest.model_validate(row["request"], strict=False, extra="ignore"),
        checked=tuple(row["checked"]),
        not_checked=tuple(row["not_checked"]),
        pictures=tuple(map(_given, row["pictures"])),
        # A claimed task is not over, so that its row does not say.
        erased_at=row.get("erased_at"),
        **{name: row[name] for name in _KEPT},
        **_changing(row),
    )


def moved_from(task: Task, row: Row) -> Task:
    """The same task after a move, from the columns that may have changed."""
    return replace(task, **_changing(row))


def readable(rows: Iterable[Row]) -> list[Task]:
    """The tasks of those rows that can be read; of the others the log tells."""
    tasks: list[Task] = []
    for row in rows:
        try:
            tasks.append(task_from(row))
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


def _given(entry: Mapping[str, Any]) -> GivenPicture:
    # What another release knows more of a picture is passed over, as in requests.
    return GivenPicture(**{name: value for name, value in entry.items() if name in GivenPicture.__slots__})


def _why(error: Exception) -> str:
    # pydantic's own words quote what the customer wrote.
    if isinstance(error, ValidationError):
        return "; ".join(f"{wrong['loc']}: {wrong['type']}" for wrong in error.errors(include_input=False))
    return repr(error)
