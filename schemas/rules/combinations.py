"""The rule about what goes together: some values are offered only beside others."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from schemas.capabilities import GIVEN, Combination, Model, Span
from schemas.pictures import mode_of
from schemas.rules.nearest import by_number, by_proportion, by_sides, by_word, nearest_in_span
from schemas.rules.offered import Order, in_words, is_among, shown
from schemas.rules.violation import Violation, pointer_part
from schemas.task import TaskRequest

_ORDERS: Mapping[str, Order] = {
    "ratio": by_proportion,
    "size": by_sides,
    "duration_s": by_number,
    "fps": by_number,
    "n": by_number,
}


def combinations_hold(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Two values that are each offered may still exclude each other."""
    asked = asked_of(request)
    for one in model.combinations:
        if not holds(one.when, asked):
            continue
        for name, table in one.then.items():
            got = asked.get(name)
            if (one.required and got is None) or (got is not None and not is_among(got, table)):
                yield _violation(name, got, table, one, model)


def holds(when: Mapping[str, tuple[Any, ...]], asked: Mapping[str, Any]) -> bool:
    """Whether all of a condition is so; what was not asked for is None there."""
    return all(
        asked.get(name) in values or (GIVEN in values and asked.get(name) is not None)
        for name, values in when.items()
    )


def proven(violation: Violation, request: TaskRequest, model: Model) -> Violation:
    """The violation with a nearest value that goes together with the rest of the request, if there is one."""
    name = violation.pointer[1:]
    if violation.nearest is None or name not in TaskRequest.model_fields or name == "reference_images":
        return violation
    for value in (violation.nearest, *violation.others):
        mended = request.model_copy(update={name: value})
        if not list(combinations_hold(mended, model)):
            return replace(violation, nearest=value)
    return violation


def asked_of(request: TaskRequest) -> dict[str, Any]:
    """A request by the names that combinations and prices use."""
    names = ("ratio", "size", "resolution", "duration_s", "fps", "n", "seed", "audio", "watermark")
    asked: dict[str, Any] = {name: getattr(request, name) for name in names}
    asked["negative_prompt"] = request.negative_prompt
    asked["mode"] = mode_of([image.role for image in request.reference_images]).value
    asked["images"] = len(request.reference_images)
    return asked | {f"options.{name}": value for name, value in request.options.items()}


def _violation(
    name: str, got: Any, table: tuple[Any, ...] | Span, one: Combination, model: Model
) -> Violation:
    because = " and ".join(f"{_name(other)} {_words(values)}".strip() for other, values in one.when.items())
    if table == ():
        detail = f"{model.name} does not take {_name(name)} with {because}; leave it out."
        return Violation(_pointer(name), "not_with", detail, got=got, allowed=[])
    allowed = table.model_dump(exclude_none=True) if isinstance(table, Span) else list(table)
    if got is None:
        detail = f"With {because} {model.name} needs {_name(name)}: {in_words(table)}."
        first = table.min if isinstance(table, Span) else table[0]
        return Violation(_pointer(name), "missing", detail, None, allowed, first)
    offers = f"then it offers {in_words(table)}"
    detail = f"{model.name} does not offer {_name(name)} {shown(got)} with {because}; {offers}."
    # Images are changed by whoever chose them, so no number of them is proposed.
    nearest = None if name in ("images", "mode") else _nearest(name, got, table)
    return Violation(_pointer(name), "not_with", detail, got, allowed, nearest)


def _nearest(name: str, got: Any, table: tuple[Any, ...] | Span) -> Any:
    if isinstance(table, Span):
        return nearest_in_span(got, table)
    return next(iter([*_ORDERS.get(name, by_word)(got, table), *table]), None)


def _name(name: str) -> str:
    return {"images": "the number of reference images", "mode": "images used as"}.get(name, name)


def _words(values: tuple[Any, ...]) -> str:
    return " or ".join("left out" if value is None else str(value) for value in values if value != GIVEN)


def _pointer(name: str) -> str:
    if name in ("images", "mode"):
        return "/reference_images"
    group, _, option = name.partition(".")
    return f"/{group}/{pointer_part(option)}" if option else f"/{name}"
