"""What was probably meant: of everything that is allowed, what lies nearest to what was given."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from math import floor, isfinite, log
from typing import Any

from schemas.capabilities import Span

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
    """Ratios, by logarithm: twice as wide and half as wide are equally far; words such as auto come last."""
    wanted = proportion_of(str(got))
    if wanted is None:
        return list(dict.fromkeys([*by_word(got, offered), *offered]))
    known = {one: proportion for one in offered if (proportion := proportion_of(str(one)))}
    return list(dict.fromkeys([*sorted(known, key=lambda one: abs(log(known[one] / wanted))), *offered]))


def by_sides(got: Any, offered: Sequence[Any]) -> list[Any]:
    """Sizes, by how far each side is; words such as auto come last."""
    wanted = sides_of(str(got))
    if wanted is None:
        return list(dict.fromkeys([*by_word(got, offered), *offered]))
    known = {one: sides for one in offered if (sides := sides_of(str(one)))}
    far = {one: abs(w - wanted[0]) + abs(h - wanted[1]) for one, (w, h) in known.items()}
    return list(dict.fromkeys([*sorted(far, key=far.__getitem__), *offered]))


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
