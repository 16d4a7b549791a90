"""What was probably meant: of everything that is allowed, what lies nearest to what was given."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from math import floor, isfinite, log
from typing import Any

from schemas.capabilities import FreeSizes, Span

_LONGEST_SIDE, _MOST_TRIES = 16_384, 256
_SIDES = re.compile(r"([1-9][0-9]{0,5})[x:*×]([1-9][0-9]{0,5})", re.ASCII | re.IGNORECASE)
_PROPORTION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)[x:/×]([0-9]{1,6}(?:\.[0-9]{1,6})?)", re.IGNORECASE)


def sides_of(text: str) -> tuple[int, int] | None:
    """The two numbers of 1280x720."""
    found = _SIDES.fullmatch(text.strip())
    return (int(found[1]), int(found[2])) if found else None


def proportion_of(text: str) -> float | None:
    """Width by height of 16:9 or 19.5:9."""
    found = _PROPORTION.fullmatch(text.strip())
    width, height = (float(found[1]), float(found[2])) if found else (0, 0)
    return width / height if width and height else None


def by_number(got: Any, offered: Sequence[Any]) -> list[Any]:
    """Numbers, the nearest first; of two as near the smaller."""
    numbers = [one for one in offered if isinstance(one, int | float)]
    if not numbers:
        return []
    # Seen from very far away all would look equally near.
    wanted = min(max(got, min(numbers)), max(numbers))
    return sorted(numbers, key=lambda one: (abs(one - wanted), one))


def by_word(got: Any, offered: Sequence[Any]) -> list[Any]:
    """Words: the same but for case and white space, then those that look alike."""
    folded = {str(one).casefold(): one for one in offered}
    wanted = str(got).strip().casefold()
    alike = get_close_matches(wanted, folded, n=3, cutoff=0.5)
    return list(dict.fromkeys(folded[name] for name in (wanted, *alike) if name in folded))


def by_proportion(got: Any, offered: Sequence[Any]) -> list[Any]:
    """Ratios, by logarithm: twice as wide and half as wide are equally far."""
    wanted = proportion_of(str(got))
    if wanted is None:
        return list(dict.fromkeys([*by_word(got, offered), *offered]))
    known = {one: proportion for one in offered if (proportion := proportion_of(str(one)))}
    return sorted(known, key=lambda one: abs(log(known[one] / wanted))) or list(offered)


def by_sides(got: Any, offered: Sequence[Any]) -> list[Any]:
    """Sizes, by how far each side is."""
    wanted = sides_of(str(got))
    if wanted is None:
        return list(dict.fromkeys([*by_word(got, offered), *offered]))
    known = {one: sides for one in offered if (sides := sides_of(str(one)))}
    far = {one: abs(w - wanted[0]) + abs(h - wanted[1]) for one, (w, h) in known.items()}
    return sorted(far, key=far.__getitem__) or list(offered)


def in_span(got: float, span: Span) -> bool:
    """Whether a number lies in a span, on one of its steps, or is one of those beside it."""
    if got in span.also:
        return True
    if (span.min is not None and got < span.min) or (span.max is not None and got > span.max):
        return False
    if span.whole and got != int(got):
        return False
    steps = (got - (span.min or 0)) / span.step if span.step else 0
    return isfinite(steps) and abs(steps - round(steps)) < 1e-6


def nearest_in_span(got: float, span: Span) -> float:
    """The number of a span that is nearest; those beside it mean something else."""
    low = got if span.min is None else max(got, span.min)
    bounded = low if span.max is None else min(low, span.max)
    step = span.step or (1 if span.whole else None)
    if step is None:
        return bounded
    first = span.min or 0
    if not isfinite((bounded - first) / step):
        return whole(first)
    steps = round((bounded - first) / step)
    if span.max is not None and first + steps * step > span.max:
        steps = floor((span.max - first) / step)
    return whole(first + steps * step)


def whole(number: float) -> float:
    """A whole number as one, since some upstreams refuse 5.0 where they take 5."""
    return int(number) if float(number).is_integer() else number


def is_free_size(width: int, height: int, free: FreeSizes) -> bool:
    """Whether a size fits a vendor's rule for sizes that are not in its list."""
    short, long = sorted((width, height))
    return (
        width % free.multiple_of == 0 == height % free.multiple_of
        and (free.side_min is None or short >= free.side_min)
        and (free.side_max is None or long <= free.side_max)
        and (free.pixels_min is None or width * height >= free.pixels_min)
        and (free.pixels_max is None or width * height <= free.pixels_max)
        and (free.ratio_max is None or long <= short * free.ratio_max)
    )


def nearest_free_size(width: int, height: int, free: FreeSizes) -> str | None:
    """A size that fits, of nearly the same shape and then of nearly the same area; None where none does."""
    shape = max(width, height) / min(width, height)
    wanted = min(shape, free.ratio_max or shape)
    grid = free.multiple_of
    low, high = free.side_min or grid, free.side_max or max(width, height, _LONGEST_SIDE)
    # Every short side on the grid, or where there are very many of them, some.
    stride = max(grid, (high - low) // _MOST_TRIES // grid * grid)
    shorts = {
        *range(-(-low // grid) * grid, high + 1, stride),
        *_around(min(width, height), grid),
        *_around((free.pixels_min or 1) ** 0.5 / wanted**0.5, grid),
    }
    pairs = ((short, long) for short in shorts for long in _around(short * wanted, grid))
    fits = [(short, long) for short, long in pairs if short > 0 and is_free_size(short, long, free)]
    if not fits:
        return None
    area = width * height

    def distance(sides: tuple[int, int]) -> float:
        short, long = sides
        return 4 * abs(log(long / short / wanted)) + abs(log(short * long / area))

    short, long = min(fits, key=distance)
    return f"{long}x{short}" if width >= height else f"{short}x{long}"


def _around(side: float, grid: int) -> list[int]:
    on_grid = round(side / grid) * grid
    return [on_grid + steps * grid for steps in range(-2, 3)]
