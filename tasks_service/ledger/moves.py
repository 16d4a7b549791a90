"""A move as it is asked for, and as `advance` takes it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schemas.failure_groups import trouble_of
from schemas.failures import Failure, FailureKind, may_be_charged
from schemas.lifecycle import State
from schemas.task import Claimed, Task
from tasks_service.ledger.grouping import group_values


@dataclass(frozen=True, slots=True)
class Move:
    """One move: where to, who, why, and what was learnt. `wait` is the time to the next look; None: over."""

    to: State
    actor: str
    cause: str
    wait: timedelta | None = None
    detail: str | None = None
    upstream_id: str | None = None
    progress: int | None = None
    result_expires_at: datetime | None = None
    failure: Failure | None = None


def values_of(task: Task | Claimed, move: Move) -> dict[str, Any]:
    """What `advance` takes of one move."""
    failure = move.failure or (Failure(FailureKind.UNKNOWN) if move.to is State.FAILED else None)
    return {
        "id": task.id,
        "seq": task.seq,
        "claim": task.claim,
        "from_state": task.state.value,
        "to_state": move.to.value,
        "actor": move.actor,
        "cause": move.cause,
        "detail": move.detail,
        "wait": move.wait,
        "upstream_id": move.upstream_id,
        "progress": move.progress,
        "result_expires_at": move.result_expires_at,
        "failure_kind": failure.kind.value if failure else None,
        "failure_code": failure.code if failure else None,
        "failure_status": failure.status if failure else None,
        "failure_message": failure.message if failure else None,
        "failure_request_id": failure.request_id if failure else None,
        "may_be_charged": failure is None or may_be_charged(failure.kind),
        **group_values(trouble_of(task.provider, task.state, failure) if failure else None),
    }
