"""From an upstream's answer to what it means: who says so decides, in an order that never changes.

1. A field that says that a result was held back.
2. From the innermost layer outwards: a code that means one thing, then the rules on words (`words.RULES`).
   Words about money, account and key (`words.HEAVIEST`) beat a code for speed, room, model or parameters.
3. From the innermost layer outwards: a code that may mean several things.
4. A state of the task that is an end.
5. The innermost status.
6. Nothing: the kind is `unknown`.

Pure, bounded, and never raising: what comes in was chosen by somebody else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.failures import MEANINGS, FailureKind
from schemas.reading import again, charges, facts, states, statuses
from schemas.reading.codes import tables_for
from schemas.reading.codes.table import Code, Table
from schemas.reading.finding import Finding
from schemas.reading.given import Given, Phase
from schemas.reading.layers import Layer, innermost_words, layers_of
from schemas.reading.waits import wait_of
from schemas.reading.words import HEAVIEST, RULES
from schemas.reading.words.rule import Rule

Known = Mapping[str, Mapping[str, FailureKind]]

_NUMBER = re.compile(r"(?i)(?:code|错误码|错误代码|ret|errno)\W{1,4}(\d{3,8})\b|\((\d{4})\)")
# Codes that gateways put on whatever they could not do.
_OUTWEIGHED = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.UPSTREAM_OVERLOADED,
        FailureKind.MODEL_NOT_FOUND,
        FailureKind.PARAMETER_INVALID,
    }
)
# OpenAI says in `type` which limit was met; anywhere else it is a word like any other.
_ONLY_AS_TYPE = frozenset({"requests", "tokens"})
_BRANDED = re.compile(r".{0,60}?(image_generation_user_error|image_generation_server_error)")


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: FailureKind
    rule: str
    code: str | None = None

    @property
    def said(self) -> bool:
        """Whether it was said in so many words, and not by a status."""
        return self.rule.startswith(("code:", "words:"))

    @property
    def of_the_provider(self) -> bool:
        """Whether a table of the provider's own said it."""
        return self.rule.startswith("code:") and not self.rule.startswith("code:everybody:")


def read(given: Given, known: Known | None = None) -> Finding:
    """Everything that can be said about an error; `known` are tables of providers that have a file."""
    layers = layers_of(*given.texts)
    verdict = _verdict(given, layers, list(tables_for(given.provider, known or {})))
    wait = wait_of(given, layers)
    meaning = MEANINGS[verdict.kind]
    return Finding(
        kind=verdict.kind,
        retryable=again.retryable(given, layers, verdict.kind, wait, said=verdict.said),
        spent=charges.spent(given, layers, verdict.kind, by_table=verdict.of_the_provider),
        whose_move=meaning.whose_move,
        rule=verdict.rule,
        words=innermost_words(layers),
        status=next(statuses.innermost_first(given, layers), None),
        code=verdict.code or _first_code(layers),
        request_ids=facts.request_ids(given, layers),
        key=facts.masked_key(given),
        model=facts.model_named(layers),
        quota_left=facts.quota_left(layers),
        retry_after_s=wait.asked_s,
    )


def _verdict(given: Given, layers: list[Layer], tables: list[tuple[str, Table]]) -> _Verdict:
    if field := states.held_back(layers):
        return _Verdict(states.kind_of(field), f"field:{field}")
    for layer in layers:
        verdict = _by_code(layer, tables, vague=False)
        if verdict and verdict.kind in _OUTWEIGHED:
            return _by_words(layer, given.phase, vague=False, rules=HEAVIEST) or verdict
        if verdict := verdict or _by_words(layer, given.phase, vague=False):
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
    for code, dotted in _codes(layer):
        for name, table in tables:
            meant = _meant(table, code, dotted=dotted)
            if meant is not None and meant.vague is vague:
                return _Verdict(_exactly(meant.kind, layer), f"code:{name}:{code}", code)
    return None


def _meant(table: Table, code: str, *, dotted: bool) -> Code | None:
    """A code, or what it is a special case of: `SAFETY.INPUT.IMAGE` is one of `SAFETY.INPUT`."""
    while code:
        if code in table:
            return table[code]
        code = code.rpartition(".")[0] if dotted else ""
    return None


def _codes(layer: Layer) -> Iterator[tuple[str, bool]]:
    """The codes of a layer; a dot divides those without blanks, and ends the sentences of the others."""
    for name, value in layer.codes:
        blanks = " " in value.strip()
        code = value.strip().lower().replace(" ", "_")
        branded = _BRANDED.fullmatch(code)
        if code not in _ONLY_AS_TYPE or name == "type":
            yield branded[1] if branded else code, not blanks
    for found in _NUMBER.findall(layer.words):
        yield next(group for group in found if group), False


def _first_code(layers: list[Layer]) -> str | None:
    named = (value for layer in layers for name, value in layer.codes if "code" in name)
    return next(named, None)


def _exactly(kind: FailureKind, layer: Layer) -> FailureKind:
    """Codes for content often hold for both sides; the words beside them say which."""
    if kind is FailureKind.CONTENT_POLICY_INPUT:
        made = next(rule for rule in RULES if rule.kind is FailureKind.CONTENT_POLICY_OUTPUT)
        return made.kind if made.holds(layer.words, Phase.SUBMIT) else kind
    return kind


def _by_words(layer: Layer, phase: Phase, *, vague: bool, rules: tuple[Rule, ...] = RULES) -> _Verdict | None:
    heard = layer.heard
    asked = (rule for rule in rules if heard and rule.vague is vague)
    rule = next((rule for rule in asked if rule.holds(heard, phase)), None)
    return _Verdict(rule.kind, f"words:{rule.name}") if rule else None
