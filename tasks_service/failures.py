"""What a person says of a group of failures: on record at once with who and why, or refused."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from schemas.failure_groups import SAYABLE, GroupState
from schemas.refusals import MalformedRequest, StateConflict
from tasks_service.decisions import Reason
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.failures import Group
from tasks_service.ledger.ledger import Ledger

# Whoever wants quiet for longer than this wants the group to be known.
LONGEST_QUIET = timedelta(days=366)

_SAYABLE = ", ".join(f"'{state.value}'" for state in SAYABLE)


class GroupStateRequest(BaseModel):
    """How a group stands. The reason is kept with who gave it; only staff reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    state: Annotated[GroupState, Field(strict=False)] = Field(json_schema_extra={"enum": list(SAYABLE)})
    reason: Reason
    until: AwareDatetime | None = Field(
        default=None,
        validate_default=True,
        description="for muted, and for nothing else: the end of the quiet",
    )

    @field_validator("state")
    @classmethod
    def _can_be_said(cls, state: GroupState) -> GroupState:
        if state not in SAYABLE:
            raise PydanticCustomError(
                "enum", "a person says known, muted or resolved", {"expected": _SAYABLE}
            )
        return state

    @field_validator("until")
    @classmethod
    def _belongs_to_muted(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        state = info.data.get("state")
        if state is GroupState.MUTED and until is None:
            raise PydanticCustomError("missing", "muted needs a time at which the quiet ends")
        if state not in (None, GroupState.MUTED) and until is not None:
            raise PydanticCustomError("not_supported", "only muted takes a time")
        return until


async def say(ledger: Ledger, group: Group, wish: GroupStateRequest, actor: str, now: datetime) -> Group:
    """Put it on record, and answer how the group is then.

    Raises MalformedRequest where the quiet would end in the past or far away, and StateConflict where the
    group stands so already or somebody else just said something; then nothing was written.
    """
    _check_quiet(wish, now)
    same = wish.state is group.state and wish.until == group.muted_until
    if same or not await ledger.failures.say(group, wish.state, Said(actor, wish.reason), wish.until):
        latest = await _again(ledger, group)
        detail = (
            f"The group is {latest.state.value} already; nothing was written."
            if same
            else f"Somebody else just said that the group is {latest.state.value}. Look at it again."
        )
        raise StateConflict(detail, members=_as_it_is(latest))
    return await _again(ledger, group)


def _check_quiet(wish: GroupStateRequest, now: datetime) -> None:
    if wish.until is None or now < wish.until <= now + LONGEST_QUIET:
        return
    detail = f"/until: the quiet ends in the future, within {LONGEST_QUIET.days} days."
    problem = {"pointer": "/until", "code": "out_of_range", "detail": detail, "got": wish.until.isoformat()}
    raise MalformedRequest(detail, members={"problems": [problem]})


def _as_it_is(group: Group) -> dict[str, Any]:
    until = group.muted_until
    at = until.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if until else None
    return {"state": group.state.value, "muted_until": at}


async def _again(ledger: Ledger, group: Group) -> Group:
    found = await ledger.failures.get(group.key, None)
    assert found is not None, "groups are never deleted"
    return found
