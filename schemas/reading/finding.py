"""What the reader of errors found out."""

from dataclasses import dataclass

from schemas.failures import Answer, FailureKind, Mover

# Of all tables and rules together; a finding says by which it was made.
RULES_VERSION = 1


@dataclass(frozen=True, slots=True)
class MaskedKey:
    """A key as the upstream had masked it: what can be seen of its two ends."""

    head: str
    tail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One error, understood as far as that is certain. `retryable` is said only where it is."""

    kind: FailureKind
    retryable: bool
    spent: Answer
    whose_move: Mover
    rule: str  # which one decided: code:…, words:…, field:…, status:… or none
    words: str  # the upstream's own, unwrapped
    status: int | None = None  # the innermost that is named
    code: str | None = None
    request_ids: tuple[str, ...] = ()
    key: MaskedKey | None = None
    model: str | None = None
    quota_left: str | None = None
    retry_after_s: float | None = None
    rules_version: int = RULES_VERSION
