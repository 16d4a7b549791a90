"""What people are told about an error: the same for a task, for words that were pasted, in API and CLI."""

from functools import cache, lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from schemas.failures import (
    EVIDENCE,
    MEANINGS,
    Answer,
    Evidence,
    Failure,
    FailureKind,
    Layer,
    Mover,
    Said,
    Sort,
    evidence_for,
)
from schemas.providers import PROVIDERS
from schemas.reading import Finding, Given, Phase, read
from schemas.whole_keys import WholeKey

_KNOWN = {name: provider.failures for name, provider in PROVIDERS.items()}


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class InBoth(TypedDict):
    """The same sentence in both languages."""

    en: str
    zh: str


class EvidenceView(InBoth):
    """One thing to have at hand."""

    name: Evidence


class DiagnosisView(TypedDict):
    """What can be looked at, by whom, what to have at hand, and how it does not happen again."""

    by_words: FailureKind | None  # what the words seem to say, where no code says it; money never follows it
    check: InBoth
    admin: InBoth
    escalate: InBoth
    prevent: InBoth
    evidence: list[EvidenceView]


class KeyView(_Told):
    """The two ends of a key that was masked."""

    head: str
    tail: str


class WholeKeyView(_Told):
    """Where a whole key stood; it was taken out before anything was read."""

    kind: str
    line: int
    column: int
    head: str


class WordsView(_Told):
    """What the upstream said, without its wrapping, and the particulars that it named."""

    words: str
    status: int | None
    code: str | None
    request_ids: list[str]
    model: str | None
    key: KeyView | None
    quota_left: str | None
    retry_after_s: float | None


class RuleView(_Told):
    """By which rule it was decided, so that a wrong answer can be traced."""

    name: str
    version: int


class ExplainedView(_Told):
    """An error, explained as far as that is certain."""

    kind: FailureKind
    retryable: bool
    spent: Answer
    whose_move: Mover
    sort: Sort
    layer: Layer
    message_zh: str
    message_en: str
    diagnosis: DiagnosisView
    upstream: WordsView
    rule: RuleView
    hidden: list[WholeKeyView]


def by_words(failure: Failure) -> FailureKind | None:
    """What the words of a failure seem to say that nobody recognised by its code."""
    if failure.kind is not FailureKind.UNKNOWN:
        return None
    return _seeming(failure.status, failure.message)


@lru_cache(maxsize=256)  # to read them takes longer than all the rest of an answer
def _seeming(status: int | None, words: str) -> FailureKind | None:
    kind = read(Given(Phase.POLL, status=status, body=words)).kind
    return None if kind is FailureKind.UNKNOWN else kind


@cache
def diagnosis(kind: FailureKind, words_say: FailureKind | None = None) -> DiagnosisView:
    """What is known about every failure of a kind, or of the one that its words seem to tell of.

    Made once for each of the few that there are; whoever is given it only reads it.
    """
    kind = words_say or kind
    meaning = MEANINGS[kind]
    return DiagnosisView(
        by_words=words_say,
        check=_both(meaning.check),
        admin=_both(meaning.admin),
        escalate=_both(meaning.escalate),
        prevent=_both(meaning.prevent),
        evidence=[
            EvidenceView(en=EVIDENCE[one].en, zh=EVIDENCE[one].zh, name=one) for one in evidence_for(kind)
        ],
    )


def explained(given: Given, hidden: list[WholeKey]) -> ExplainedView:
    """An error that holds no secret any more; `hidden` tells where some had been."""
    return _explained(read(given, _KNOWN), hidden)


def _explained(found: Finding, hidden: list[WholeKey]) -> ExplainedView:
    meaning = MEANINGS[found.kind]
    return ExplainedView(
        kind=found.kind,
        retryable=found.retryable,
        spent=found.spent,
        whose_move=found.whose_move,
        sort=meaning.sort,
        layer=meaning.layer,
        message_zh=meaning.zh,
        message_en=meaning.en,
        diagnosis=diagnosis(found.kind),
        upstream=WordsView(
            words=found.words,
            status=found.status,
            code=found.code,
            request_ids=list(found.request_ids),
            model=found.model,
            key=KeyView(head=found.key.head, tail=found.key.tail) if found.key else None,
            quota_left=found.quota_left,
            retry_after_s=found.retry_after_s,
        ),
        rule=RuleView(name=found.rule, version=found.rules_version),
        hidden=[WholeKeyView(**_parts(key)) for key in hidden],
    )


def _both(said: Said) -> InBoth:
    return InBoth(en=said.en, zh=said.zh)


def _parts(key: WholeKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in ("kind", "line", "column", "head")}
