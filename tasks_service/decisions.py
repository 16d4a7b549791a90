"""What a person decides about a task: written at once with who and why, or refused with how the task is."""

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from schemas.failures import FailureKind
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.refusals import StateConflict
from schemas.task import Task
from tasks_service.doorbell import Doorbell
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import Taken
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.ledger import Ledger

CLOSED_AS: Mapping[Parked, FailureKind] = MappingProxyType(
    {
        Parked.OUTCOME_UNKNOWN: FailureKind.OUTCOME_UNKNOWN,
        Parked.STALLED: FailureKind.TIMED_OUT,
        Parked.ARTIFACT_AT_RISK: FailureKind.ARTIFACT_LOST,
        Parked.UNRECOGNISED_STATUS: FailureKind.TIMED_OUT,
    }
)
_LOOKED_AT_BY = {
    State.SUBMITTED: "submit",
    State.QUEUED: "poll",
    State.RUNNING: "poll",
    State.DONE: "download",
}


class Decision(StrEnum):
    """What can be decided; the comment says what follows."""

    ATTACH = "attach"  # this is its work at the upstream: it is watched from now on
    NOT_CREATED = "not_created"  # there is no such work: it may be sent again, as the next attempt
    CLOSE = "close"  # it is over, as failed
    LOOK_AGAIN = "look_again"  # the upstream is asked now


_FOR: Mapping[Decision, str] = MappingProxyType(
    {
        Decision.ATTACH: "a parked task whose paid request has an unknown outcome",
        Decision.NOT_CREATED: "a parked task whose paid request has an unknown outcome",
        Decision.CLOSE: "a parked task",
        Decision.LOOK_AGAIN: "a task that is not over, and whose paid request or files are not under way",
    }
)


def _printable(text: str) -> str:
    # Chinese writing has a space of its own, which Python does not count as printable.
    if not all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in text):
        raise PydanticCustomError("string_pattern_mismatch", "only characters that can be printed")
    return text


def _said(shortest: int, longest: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest)


# What a person says of a decision: short, and fit to be shown anywhere.
Reason = Annotated[str, _said(3, 500), AfterValidator(_printable)]


class DecisionRequest(BaseModel):
    """A decision. Its reason becomes a part of the history, which the customer can read too."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    decision: Annotated[Decision, Field(strict=False)]
    reason: Reason
    upstream_id: Annotated[str, _said(1, 255), AfterValidator(_printable)] | None = Field(
        default=None, validate_default=True, description="for attach, and for nothing else"
    )

    @field_validator("upstream_id")
    @classmethod
    def _belongs_to_attach(cls, upstream_id: str | None, info: ValidationInfo) -> str | None:
        decision = info.data.get("decision")
        if decision is Decision.ATTACH and upstream_id is None:
            raise PydanticCustomError("missing", "attach needs the id that the upstream gave to the work")
        if decision not in (None, Decision.ATTACH) and upstream_id is not None:
            raise PydanticCustomError("not_supported", "only attach takes an upstream id")
        return upstream_id


async def decide(ledger: Ledger, doorbell: Doorbell, task: Task, wish: DecisionRequest, actor: str) -> Task:
    """Carry a decision out, and answer how the task is then.

    Raises StateConflict, and then nothing was written.
    """
    await reached("decide.before")
    try:
        done = await _write(ledger, task, wish, Said(actor, wish.reason))
    except Taken as taken:
        if taken.guard != "one_task_per_upstream_id":
            raise
        raise await _somebody_elses(ledger, task, wish) from taken
    if not done:
        raise await _conflict(ledger, task, wish)
    await reached("decide.committed")
    now = await _again(ledger, task)
    if step := _LOOKED_AT_BY.get(now.state):
        await doorbell.ring(step)
    return now


async def _write(ledger: Ledger, task: Task, wish: DecisionRequest, said: Said) -> bool:
    match wish.decision:
        case Decision.ATTACH:
            assert wish.upstream_id is not None, "the request was checked for it"
            return await ledger.decisions.attach(task, said, wish.upstream_id)
        case Decision.NOT_CREATED:
            return await ledger.decisions.not_created(task, said)
        case Decision.CLOSE:
            return task.parked is not None and await ledger.decisions.close(
                task, said, CLOSED_AS[task.parked]
            )
        case Decision.LOOK_AGAIN:
            return await ledger.decisions.look_again(task, said)


async def _conflict(ledger: Ledger, task: Task, wish: DecisionRequest) -> StateConflict:
    now = await _again(ledger, task)
    unknown = now.spend is Spend.UNKNOWN and now.parked is Parked.OUTCOME_UNKNOWN
    if wish.decision is Decision.NOT_CREATED and unknown:
        not_before = await ledger.decisions.not_before(now)
        if not_before is not None:
            at = not_before.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            detail = f"The answer to the paid request may still arrive; not_created can be said from {at} on."
            return StateConflict(detail, members=_as_it_is(now) | {"not_before": at})
    parked = f"parked ({now.parked.value})" if now.parked else "not parked"
    detail = (
        f"{wish.decision.value} is for {_FOR[wish.decision]}. This one is {now.state.value} and {parked}, "
        f"and its paid request is {now.spend.value}. Look at it again before you decide."
    )
    return StateConflict(detail, members=_as_it_is(now))


async def _somebody_elses(ledger: Ledger, task: Task, wish: DecisionRequest) -> StateConflict:
    holder = await ledger.decisions.holder(task, wish.upstream_id or "")
    name = task_id_text(holder) if holder else "another task"
    detail = f"At this upstream {wish.upstream_id} is the work of {name}; it cannot be that of a second task."
    return StateConflict(detail, members=_as_it_is(task) | {"held_by": name})


def _as_it_is(task: Task) -> dict[str, Any]:
    return {
        "state": task.state.value,
        "parked": task.parked.value if task.parked else None,
        "spend": task.spend.value,
    }


async def _again(ledger: Ledger, task: Task) -> Task:
    found = await ledger.tasks.get(task.id)
    assert found is not None, "tasks are never deleted"
    return found
