"""What a caller is told who asks for work that is done already, or was a short while ago."""

from datetime import UTC, datetime
from typing import Any

from schemas.failures import Answer, was_spent
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.refusals import DuplicateTask
from schemas.task import Task

_AGAIN = "send allow_duplicate: true to pay for a second"
_RETRIES = "For retries, send an Idempotency-Key."
_AT_RISK = "allow_duplicate: true could pay for the same work twice"


def duplicate(twin: Task, now: datetime) -> DuplicateTask:
    """Why a submission is refused for its twin, and what its caller can do."""
    name, age_s = task_id_text(twin.id), _since(twin.created_at, now)
    same = f"{name}, accepted {age_s:.0f} s ago, asks for the same"
    members: dict[str, Any] = {
        "duplicate_of": {
            "id": name,
            "state": twin.state.value,
            "age_s": round(age_s, 3),
            "created_at": _written(twin.created_at),
        }
    }
    if twin.spend is Spend.UNKNOWN or twin.parked is Parked.OUTCOME_UNKNOWN:
        members |= {"reason": Parked.OUTCOME_UNKNOWN.value, "spend": twin.spend.value}
    if (ended_at := _ended_at(twin)) is None:
        return DuplicateTask(f"{same} and {_alive(twin)}", members=members)
    members["duplicate_of"] |= {"ended_at": _written(ended_at)}
    ended = f"{twin.state.value} {_since(ended_at, now):.0f} s ago"
    return DuplicateTask(f"{same} and {_over(twin, ended)}", members=members)


def _alive(twin: Task) -> str:
    if twin.spend is Spend.UNKNOWN or twin.parked is Parked.OUTCOME_UNKNOWN:
        return _in_doubt(twin)
    return f"is {twin.state.value}. Wait for that one, or {_AGAIN}. {_RETRIES}"


def _in_doubt(twin: Task) -> str:
    """Why the same work is refused while an upstream may have been paid for it, and what happens next."""
    next_ = (
        "An operator finds out and decides: it is taken up where it is, sent again or closed."
        if twin.parked
        else "We are asking the upstream by ourselves."
    )
    return (
        "nobody knows yet what became of it. Its request was sent, the upstream may have been paid, and its "
        f"answer did not tell us. {next_} Wait for that: {_AT_RISK}."
    )


def _over(twin: Task, ended: str) -> str:
    if twin.state is State.DOWNLOADED or twin.failure is None:
        return f"was {ended}. Use its result, or {_AGAIN}. {_RETRIES}"
    kind = twin.failure.kind
    match was_spent(kind, twin.spend):
        case Answer.NO:  # it was alive when we looked, and ended in this moment
            return f"just {ended} ({kind.value}), at no cost. Send this again."
        case Answer.YES:
            paid = "was paid"
        case Answer.UNKNOWN:
            paid = "may have been paid"
    return (
        f"{ended} ({kind.value}). The upstream {paid} for it: its history says what happened, and "
        f"{_AT_RISK}. {_RETRIES}"
    )


def _ended_at(twin: Task) -> datetime | None:
    if not twin.state.final:
        return None
    return twin.downloaded_at or twin.finished_at


def _since(moment: datetime, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
