"""Which requests pass all checks of a model, asked again and again: shapes that passed are remembered.

What is wrong is never remembered, nor told from here: where anything may be, `judge` looks at all of it.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any, cast, get_type_hints

from schemas.capabilities import Model
from schemas.rules import RULES
from schemas.rules.defaults import defaults_of, fill_in
from schemas.rules.names import model_is_living
from schemas.rules.outline import Outline, Shape, key_of, says_enough
from schemas.rules.unchecked import not_checked
from schemas.rules.violation import Rule, Violation
from schemas.task import TaskRequest

_MOST = 256  # shapes of one model


def _takes_a_shape(rule: Rule) -> bool:
    """Then it cannot read anything else: the type checker sees to that."""
    return get_type_hints(rule)["request"] is Shape


OF_SHAPE = cast(
    "tuple[Callable[[Shape, Model], Iterator[Violation]], ...]",
    tuple(rule for rule in RULES if _takes_a_shape(rule)),
)
# All others are asked each time.
_OF_EACH = tuple(rule for rule in RULES if not _takes_a_shape(rule))


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that no rule minds, with its defaults filled in."""

    request: TaskRequest
    not_checked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What a shape that passes its rules comes with."""

    added: Mapping[str, Any]
    not_checked: tuple[str, ...]


class _Doubt(Exception):
    """Raised, since only what is returned is remembered."""


class Passing:
    """The checks of one model."""

    def __init__(self, model: Model):
        self._model = model
        self._allowed = lru_cache(_MOST)(partial(_allowed, model))
        self._says_enough = says_enough(model)

    def passed(self, request: TaskRequest, today: date) -> Passed | None:
        """The request where nothing is wrong with it; None where something may be."""
        key = key_of(request) if self._says_enough else None
        if key is None:
            return None
        try:
            allowed = self._allowed(key)
        except _Doubt:
            return None
        filled = fill_in(request, allowed.added)
        for _ in model_is_living(self._model, (), today):
            return None
        for rule in _OF_EACH:
            for _ in rule(filled, self._model):
                return None
        return Passed(filled, allowed.not_checked)


def _allowed(model: Model, key: Hashable) -> _Allowed:
    outline = Outline.of(key)
    added = defaults_of(outline, model)
    filled = outline.filled(added)
    for rule in OF_SHAPE:
        for _ in rule(filled, model):
            raise _Doubt
    return _Allowed(added, not_checked(filled, model))
