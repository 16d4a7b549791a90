"""The life of a task as data: six states and every legal move between them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a task is; the comment says who moves it there."""

    SUBMITTED = "submitted"  # the API: in our ledger; the provider may or may not have it yet
    QUEUED = "queued"  # a submit worker: the provider gave us its id and makes us wait
    RUNNING = "running"  # a poll worker: the provider is generating
    DONE = "done"  # a poll worker: finished, the file is still theirs
    DOWNLOADED = "downloaded"  # a download worker: the file is ours, with its digest
    FAILED = "failed"  # any worker, or the customer by cancelling: over, with a reason

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return not LIFECYCLE[self]


FIRST = State.SUBMITTED

# Forward skips are legal, because a poll may miss a stage. Going back never is: a provider that says
# "running" and then "queued" has made an observation, not a move.
LIFECYCLE: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.SUBMITTED: frozenset({State.QUEUED, State.RUNNING, State.DONE, State.FAILED}),
        State.QUEUED: frozenset({State.RUNNING, State.DONE, State.FAILED}),
        State.RUNNING: frozenset({State.DONE, State.FAILED}),
        State.DONE: frozenset({State.DOWNLOADED, State.FAILED}),
        State.DOWNLOADED: frozenset(),
        State.FAILED: frozenset(),
    }
)

LIVE = frozenset(state for state in State if not state.final)


class Parked(StrEnum):
    """Why a person should look at a task that is not over; polling goes on slowly where an id is known."""

    OUTCOME_UNKNOWN = "outcome_unknown"  # the upstream may have been paid, and cannot tell us
    STALLED = "stalled"  # far longer in one state than its model ever takes
    ARTIFACT_AT_RISK = "artifact_at_risk"  # finished, but the file cannot be fetched
    UNRECOGNISED_STATUS = "unrecognised_status"  # the upstream says a word that we do not know


class Spend(StrEnum):
    """What is known about the one request that costs money."""

    NONE = "none"  # nothing has been sent
    INTENDED = "intended"  # the intention is on record; the request may be on its way
    CONFIRMED = "confirmed"  # the upstream gave an id
    NOT_CREATED = "not_created"  # a clear refusal, or it never left
    UNKNOWN = "unknown"  # it may have arrived: never sent again by a timer


def may_move(origin: State, to: State) -> bool:
    """Whether the move is legal."""
    return to in LIFECYCLE[origin]
