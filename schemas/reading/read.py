"""From an upstream's answer to what it means: who says so decides, in an order that never changes.

1. A field that says that a result was held back.
2. From the innermost layer outwards: a code that means one thing, then the rules on words (`words.RULES`).
3. From the innermost layer outwards: a code that may mean several things.
4. A state of the task that is an end.
5. The innermost status.
6. Nothing: the kind is `unknown`.

Pure, bounded, and never raising: what comes in was chosen by somebody else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.failures import MEANINGS, Answer, FailureKind
from schemas.reading import facts, states, statuses
from schemas.reading.codes import tables_for
from schemas.reading.codes.table import Code, Table
from schemas.reading.finding import Finding
from schemas.reading.given import Given, Phase
from schemas.reading.layers import Layer, innermost_words, layers_of
from schemas.reading.words import RULES

Known = Mapping[str, Mapping[str, FailureKind]]

_LONGEST_WAIT_S = 3600
_NUMBER = re.compile(r"(?i)(?:code|错误码|错误代码|ret|errno)\W{1,4}(\d{3,8})\b|\((\d{4})\)")
_NOT_CHARGED = re.compile(
    r"(?i)(?:not|n't|never)(?: be| been)? (?:charged|billed)|no charge|without charge|not deducted|refunded|"
    r"未扣费|不扣费|不计费|未计费|已退[还回款]|已返还"
)
_NOTHING_ALLOWED = re.compile(r"(?i)limit\W{1,3}0(?![.\d])|limit of 0\b|perday|per day|daily|每[日天]")
_BRANDED = re.compile(r".{0,60}?(image_generation_user_error|image_generation_server_error)")
_REFUSING = frozenset({None, 429, 503, 529})
_PASSES = frozenset({FailureKind.RATE_LIMITED, FailureKind.UPSTREAM_OVERLOADED})


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: FailureKind
    rule: str
    code: str | None = None

    @property
    def said(self) -> bool:
        """Whether it was said in so many words, and not by a status."""
        return self.rule.startswith(("code:", "words:"))


def read(given: Given, known: Known | None = None) -> Finding:
    """Everything that can be said about an error; `known` are tables of providers that have a file."""
    layers = layers_of(*given.texts)
    verdict = _verdict(given, layers, list(tables_for(given.provider, known or {})))
    wait = facts.retry_after_s(given, layers)
    meaning = MEANINGS[verdict.kind]
    return Finding(
        kind=verdict.kind,
        retryable=_retryable(given, layers, verdict, wait),
        spent=_spent(given, layers, verdict.kind),
        whose_move=meaning.whose_move,
        rule=verdict.rule,
        words=innermost_words(layers),
        status=next(statuses.innermost_first(given, layers), None),
        code=verdict.code or _first_code(layers),
        request_ids=facts.request_ids(given, layers),
        key=facts.masked_key(given),
        model=facts.model_named(layers),
        quota_left=facts.quota_left(layers),
        retry_after_s=wait,
    )


def _verdict(given: Given, layers: list[Layer], tables: list[tuple[str, Table]]) -> _Verdict:
    if field := states.held_back(layers):
        return _Verdict(states.kind_of(field), f"field:{field}")
    for layer in layers:
        if verdict := _by_code(layer, tables, vague=False) or _by_words(layer, given.phase, vague=False):
            return verdict
    for layer in layers:
        if verdict := _by_code(layer, tables, vague=True) or _by_words(layer, given.phase, vague=True):
            return verdict
    if state := states.state_named(layers):
        return _Verdict(state[1], f"field:{state[0]}")
    for status in statuses.innermost_first(given, layers):
        kind = statuses.kind_of(status, given.phase)
        if kind is not FailureKind.UNKNOWN:
            return _Verdict(kind, f"status:{status}")
    return _Verdict(FailureKind.UNKNOWN, "none")


def _by_code(layer: Layer, tables: list[tuple[str, Table]], *, vague: bool) -> _Verdict | None:
    for code in _codes(layer):
        for name, table in tables:
            meant = _meant(table, code)
            if meant is not None and meant.vague is vague:
                return _Verdict(_exactly(meant.kind, layer), f"code:{name}:{code}", code)
    return None


def _meant(table: Table, code: str) -> Code | None:
    """A code, or what it is a special case of: `SAFETY.INPUT.IMAGE` is one of `SAFETY.INPUT`."""
    while code:
        if code in table:
            return table[code]
        code = code.rpartition(".")[0]
    return None


def _codes(layer: Layer) -> Iterator[str]:
    for _, value in layer.codes:
        code = value.strip().lower().replace(" ", "_")
        branded = _BRANDED.fullmatch(code)
        yield branded[1] if branded else code
    for found in _NUMBER.findall(layer.words):
        yield next(group for group in found if group)


def _first_code(layers: list[Layer]) -> str | None:
    named = (value for layer in layers for name, value in layer.codes if "code" in name)
    return next(named, None)


def _exactly(kind: FailureKind, layer: Layer) -> FailureKind:
    """Codes for content often hold for both sides; the words beside them say which."""
    if kind is FailureKind.CONTENT_POLICY_INPUT:
        made = next(rule for rule in RULES if rule.kind is FailureKind.CONTENT_POLICY_OUTPUT)
        return made.kind if made.holds(layer.words, Phase.SUBMIT) else kind
    return kind


def _by_words(layer: Layer, phase: Phase, *, vague: bool) -> _Verdict | None:
    heard = (rule for rule in RULES if rule.vague is vague)
    rule = next((rule for rule in heard if layer.words and rule.holds(layer.words, phase)), None)
    return _Verdict(rule.kind, f"words:{rule.name}") if rule else None


def _retryable(given: Given, layers: list[Layer], verdict: _Verdict, wait: float | None) -> bool:
    """Whether the same call may be sent again unchanged: only where that is certain to cost nothing twice."""
    if not MEANINGS[verdict.kind].transient:
        return False
    if _question_failed(given):
        # Repeating a question makes nothing new; one that was called wrong stays wrong.
        named = list(statuses.innermost_first(given, layers))[:1] or [408]
        return named[0] in (408, 425, 429) or named[0] >= 500
    if given.phase is not Phase.SUBMIT or verdict.kind not in _PASSES or not verdict.said:
        return False
    status = next(statuses.innermost_first(given, layers), None)
    never = any(_NOTHING_ALLOWED.search(layer.words) for layer in layers)
    # Behind any other status somebody may have taken the work before somebody else had no room.
    return status in _REFUSING and not never and (wait or 0) <= _LONGEST_WAIT_S


def _question_failed(given: Given) -> bool:
    """Whether it was a poll or a download itself that failed, and not the task that it asked about."""
    asked = given.phase is not Phase.SUBMIT
    return asked and (bool(given.exception) if given.status is None else given.status not in range(200, 300))


def _spent(given: Given, layers: list[Layer], kind: FailureKind) -> Answer:
    if any(_NOT_CHARGED.search(layer.words) for layer in layers):
        return Answer.NO
    if given.phase is Phase.DOWNLOAD:
        return Answer.YES
    if _question_failed(given):
        return Answer.UNKNOWN
    return MEANINGS[kind].spent
