"""Rules about form: ratio, size, resolution, length, frames and number."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from schemas.capabilities import FreeSizes, Model
from schemas.rules.beside import LINES, beside, ratio_beside, resolution_beside
from schemas.rules.free_sizes import is_free_size, nearest_free_size
from schemas.rules.nearest import by_number, by_proportion, by_sides, by_word, sides_of
from schemas.rules.offered import offered
from schemas.rules.outline import Shape
from schemas.rules.violation import Violation
from schemas.rules.wording import in_words, of_free_sizes, shown

# One spelling, so that the same size is the same work.
_PLAIN_SIZE = re.compile(r"[1-9][0-9]*x[1-9][0-9]*", re.ASCII)
# What is looked around from where a size cannot be read.
_ANY_SIDES = (1024, 1024)


def ratio_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """The upstream would charge first and crop later."""
    yield from offered("ratio", request.ratio, model.ratios, model, by_proportion)
    if model.ratio_required and request.ratio is None and request.size is None and model.ratios:
        detail = f"{model.name} needs a ratio; it offers {in_words(model.ratios)}."
        yield Violation("/ratio", "missing", detail, None, list(model.ratios), model.ratios[0])


def size_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """Sizes are width x height in pixels: of a list, or by a rule for the free ones."""
    if model.free_sizes is None or request.size is None:
        yield from offered("size", request.size, model.sizes, model, by_sides)
        return
    sides, listed = sides_of(request.size), model.sizes or ()
    fits = sides is not None and is_free_size(*sides, model.free_sizes)
    if request.size in listed or (fits and _PLAIN_SIZE.fullmatch(request.size)):
        return
    offers = f"{in_words(listed)}, or " if listed else ""
    detail = (
        f"{model.name} does not offer size {shown(request.size)}; "
        f"it offers {offers}{of_free_sizes(model.free_sizes)}."
    )
    near = _near_sizes(request, model, model.free_sizes)
    rule = model.free_sizes.model_dump(exclude_none=True, exclude_defaults=True)
    allowed = {"sizes": list(listed), "free": rule}
    first, *others = near or [None]
    yield Violation("/size", "not_offered", detail, request.size, allowed, first, tuple(others))


def resolution_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """Resolutions are the vendors' own words, such as 720p."""
    yield from offered("resolution", request.resolution, model.resolutions, model, _by_lines)


def duration_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """Duration is the largest factor of a video's price."""
    yield from offered("duration_s", request.duration_s, model.durations_s, model, by_number)


def fps_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """Frames a second."""
    yield from offered("fps", request.fps, model.fps, model, by_number)


def count_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """`n` multiplies the price."""
    given, together = len(request.reference_images), model.images_and_n_max
    if together is not None and given >= together:
        detail = (
            f"{given} reference images leave none to make: {model.name} takes and makes {together} together; "
            f"give {together - 1} at most."
        )
        yield Violation("/reference_images", "wrong_count", detail, given, {"max": together - 1})
        return
    if request.n is None or model.n_max is None:
        return
    most = model.n_max if together is None else min(model.n_max, together - given)
    if 1 <= request.n <= most:
        return
    makes = "1" if most == 1 else f"1 to {most}"
    beside = f" beside {given} reference {'image' if given == 1 else 'images'}" if most < model.n_max else ""
    detail = f"n is {request.n}; {model.name} makes {makes} at a time{beside}."
    yield Violation(
        "/n", "out_of_range", detail, request.n, {"min": 1, "max": most}, min(max(request.n, 1), most)
    )


def shapes_agree(request: Shape, model: Model) -> Iterator[Violation]:
    """Ratio, size and resolution must not say different things; which one was meant only its author knows."""
    sides = sides_of(request.size or "")
    if sides is None or (model.sizes == () and model.free_sizes is None):
        return
    if not ratio_beside(request, model).agree(*sides):
        yield _contradiction("ratio", request, model.ratios, by_proportion(request.size, model.ratios or ()))
    if not resolution_beside(request, model).agree(*sides):
        near = _by_lines(request.resolution, model.resolutions or ())
        yield _contradiction("resolution", request, model.resolutions, near)


def _contradiction(name: str, request: Shape, table: tuple[str, ...] | None, near: list[Any]) -> Violation:
    said = getattr(request, name)
    detail = f"{name} {said} and size {request.size} contradict each other; leave one of them out."
    got = {name: said, "size": request.size}
    first, *others = near or [None]
    allowed = None if table is None else list(table)
    return Violation(f"/{name}", "contradiction", detail, got, allowed, first, tuple(others))


def _near_sizes(request: Shape, model: Model, free: FreeSizes) -> list[str]:
    """The same spelled plainly, one by the rule that agrees with what stands beside it, and those listed."""
    sides, listed = sides_of(request.size or ""), by_sides(request.size, model.sizes or ())
    around = sides or _ANY_SIDES
    # Where nothing agrees, what lies nearest is tried all the same, and found not to go with the rest.
    by_rule = nearest_free_size(*around, free, beside(request, model)) or nearest_free_size(*around, free)
    ruled = [by_rule] if by_rule else []
    if sides is None:
        return [*listed, *ruled]
    plain = [f"{sides[0]}x{sides[1]}"] if is_free_size(*sides, free) else []
    return [*plain, *ruled, *listed]


def _by_lines(got: Any, table: Sequence[Any]) -> list[Any]:
    """720p by its number of lines, words such as 2k by their letters."""
    words = [str(one) for one in table]
    known = {word: int(found[1]) for word in words if (found := LINES.fullmatch(word))}
    wanted = LINES.fullmatch(str(got).strip())
    if wanted is None:
        return list(dict.fromkeys([*by_word(got, words), *words]))
    near = sorted(known, key=lambda word: abs(known[word] - int(wanted[1])))
    return list(dict.fromkeys([*near, *words]))
