"""Why a task failed: one vocabulary of kinds, and what each means for people.

A kind answers support's three questions: whose move is it, may the same request be sent again, and was
money spent. What nobody recognises is `unknown`, never a guess.
"""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.failures import access, asked, made, ours
from schemas.failures.kinds import Answer, Evidence, Failure, FailureKind, Layer, Meaning, Mover, Said, Sort
from schemas.failures.proof import ALWAYS, EVIDENCE
from schemas.lifecycle import Spend

__all__ = [
    "EVIDENCE",
    "MEANINGS",
    "Answer",
    "Evidence",
    "Failure",
    "FailureKind",
    "Layer",
    "Meaning",
    "Mover",
    "Said",
    "Sort",
    "evidence_for",
    "may_be_charged",
    "may_send_again",
    "was_spent",
]

MEANINGS: Mapping[FailureKind, Meaning] = MappingProxyType(
    access.MEANINGS | asked.MEANINGS | made.MEANINGS | ours.MEANINGS
)

_NOTHING_CREATED = frozenset({Spend.NONE, Spend.NOT_CREATED})


def evidence_for(kind: FailureKind) -> tuple[Evidence, ...]:
    """What to have at hand before a failure of this kind is taken to anybody else."""
    return (*ALWAYS, *MEANINGS[kind].evidence)


def was_spent(kind: FailureKind, spend: Spend) -> Answer:
    """Whether money was spent on a task that failed this way, given what is known of its paid request."""
    if spend in _NOTHING_CREATED:
        return Answer.NO
    if spend is Spend.CONFIRMED:
        return MEANINGS[kind].spent
    return Answer.UNKNOWN


def may_be_charged(kind: FailureKind) -> bool:
    """Whether a failure of this kind may have cost money where the upstream had accepted the task."""
    return MEANINGS[kind].spent is not Answer.NO


def may_send_again(kind: FailureKind, spend: Spend) -> bool:
    """Whether a customer may submit the same request again: only where nothing was ever created."""
    return MEANINGS[kind].transient and spend in _NOTHING_CREATED
