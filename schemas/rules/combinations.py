"""The rule about what goes together: some values are offered only beside others."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.capabilities import GIVEN, Mode, Model, Span
from schemas.pictures import mode_of
from schemas.rules.nearest import by_number, by_proportion, by_sides, by_word, nearest_in_span
from schemas.rules.offered import Order, bounds, is_among
from schemas.rules.outline import Shape
from schemas.rules.violation import Violation, pointer_part
from schemas.rules.wording import MEANS, circumstances, in_words, shown, ways

_ORDERS: Mapping[str, Order] = {
    "ratio": by_proportion,
    "size": by_sides,
    "duration_s": by_number,
    "fps": by_number,
    "n": by_number,
}
_FIELDS = ("ratio", "size", "resolution", "duration_s", "fps", "n", "seed", "audio", "watermark")


def combinations_hold(request: Shape, model: Model) -> Iterator[Violation]:
    """Two values that are each offered may still exclude each other."""
    if not model.combinations:
        return
    asked = asked_of(request)
    for one in model.combinations:
        if not holds(one.when, asked):
            continue
        for name, table in one.then.items():
            got = asked.get(name)
            if (one.required and got is None) or (got is not None and not is_among(got, table)):
                yield _violation(name, got, table, circumstances(one.when, asked), model)


def holds(when: Mapping[str, tuple[Any, ...]], asked: Mapping[str, Any]) -> bool:
    """Whether all of a condition is so; what was not asked for is None there."""
    return all(
        asked.get(name) in values or (GIVEN in values and asked.get(name) is not None)
        for name, values in when.items()
    )


def asked_of(request: Shape) -> dict[str, Any]:
    """A request by the names that combinations, defaults and prices use."""
    asked: dict[str, Any] = {name: getattr(request, name) for name in _FIELDS}
    asked["negative_prompt"] = request.negative_prompt
    asked["mode"] = mode_of([image.role for image in request.reference_images]).value
    asked["images"] = len(request.reference_images)
    return asked | {f"options.{name}": value for name, value in request.options.items()}


def _violation(name: str, got: Any, table: tuple[Any, ...] | Span, because: str, model: Model) -> Violation:
    pointer = _pointer(name)
    if name in ("images", "mode"):
        # Images are changed by whoever chose them, so no number or use of them is proposed.
        return Violation(
            pointer, "not_with", _about_images(name, got, table, because, model), got, bounds(table)
        )
    if table == ():
        detail = f"{model.name} does not take {name} {because}; leave it out."
        return Violation(pointer, "not_with", detail, got=got, allowed=[])
    if got is None:
        detail = f"{model.name} needs {name} {because}; then it offers {in_words(table)}."
        first, *others = [table.min] if isinstance(table, Span) else table
        return Violation(pointer, "missing", detail, None, bounds(table), first, tuple(others))
    detail = f"{model.name} does not offer {name} {shown(got)} {because}; then it offers {in_words(table)}."
    first, *others = _nearest(name, got, table)
    return Violation(pointer, "not_with", detail, got, bounds(table), first, tuple(others))


def _about_images(name: str, got: Any, table: tuple[Any, ...] | Span, because: str, model: Model) -> str:
    if name == "images":
        images = "1 reference image is" if got == 1 else f"{got} reference images are"
        return f"{images} given; {because} {model.name} takes {in_words(table)}."
    modes = tuple(Mode(one) for one in table) if isinstance(table, tuple) else ()
    start = because[:1].upper() + because[1:]
    return f"{start} {model.name} works from {ways(modes)}, and not from {MEANS[Mode(got)]}."


def _nearest(name: str, got: Any, table: tuple[Any, ...] | Span) -> list[Any]:
    if isinstance(table, Span):
        number = isinstance(got, int | float)
        return [nearest_in_span(got, table) if number else table.min]
    return list(dict.fromkeys([*_ORDERS.get(name, by_word)(got, table), *table]))


def _pointer(name: str) -> str:
    if name in ("images", "mode"):
        return "/reference_images"
    group, _, option = name.partition(".")
    return f"/{group}/{pointer_part(option)}" if option else f"/{name}"
