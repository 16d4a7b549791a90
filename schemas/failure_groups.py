"""Which failures are the same trouble, and what people say of a group of them.

The key is versioned: a better reading of words makes new groups under a new prefix, and old links stay true.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from schemas.same_words import same_words

_VERSION = "v1"
_LONGEST_CODE = 200
_KEY = re.compile(r"v[0-9]{1,3}:[0-9a-f]{20}")


class Phase(StrEnum):
    """What was being done for the task when it failed; the upstream's calls have the same words."""

    SUBMIT = "submit"
    POLL = "poll"
    DOWNLOAD = "download"


class GroupState(StrEnum):
    """How a group stands; the comment says who brings it there."""

    NEW = "new"  # nobody has said anything of it
    KNOWN = "known"  # a person: we know what it is
    MUTED = "muted"  # a person: quiet until a time; after that, known
    RESOLVED = "resolved"  # a person: it should not come again
    REOPENED = "reopened"  # a failure after it was resolved, or after its quiet time


# What a person can say; the others come about by themselves.
SAYABLE = (GroupState.KNOWN, GroupState.MUTED, GroupState.RESOLVED)

_PHASES: Mapping[State, Phase] = MappingProxyType(
    {
        State.SUBMITTED: Phase.SUBMIT,
        State.QUEUED: Phase.POLL,
        State.RUNNING: Phase.POLL,
        State.DONE: Phase.DOWNLOAD,
    }
)


@dataclass(frozen=True)
class Trouble:
    """All that makes failures the same. `status_class` is 4xx and the like; `words` are from `same_words`."""

    provider: str
    phase: Phase
    kind: FailureKind
    status_class: str | None
    code: str | None
    words: str

    @cached_property
    def key(self) -> str:
        """The name of the group."""
        parts = (self.provider, self.phase, self.kind, self.status_class or "", self.code or "", self.words)
        digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return f"{_VERSION}:{digest[:20]}"


def is_key(text: str) -> bool:
    """Whether a group could be named so."""
    return _KEY.fullmatch(text) is not None


def trouble_of(provider: str, origin: State, failure: Failure) -> Trouble | None:
    """The trouble of a task that fails out of a state; none where its end was asked for, or came before."""
    phase = _PHASES.get(origin)
    if phase is None or failure.kind is FailureKind.CANCELED:
        return None
    return Trouble(
        provider=provider,
        phase=phase,
        kind=failure.kind,
        status_class=f"{failure.status // 100}xx" if failure.status else None,
        code=failure.code[:_LONGEST_CODE] if failure.code else None,
        words=same_words(failure.message),
    )
