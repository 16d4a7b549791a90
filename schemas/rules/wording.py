"""How values, tables and circumstances are said in a sentence that has to make sense alone."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from schemas.capabilities import GIVEN, FreeSizes, ListOf, Mode, Span

_LONGEST = 80
_EXACT = 1e15  # up to here a whole number is written without an exponent

MEANS: Mapping[Mode, str] = MappingProxyType(
    {
        Mode.TEXT: "words alone",
        Mode.FIRST_FRAME: "a first frame",
        Mode.LAST_FRAME: "a last frame without a first one",
        Mode.FIRST_LAST_FRAME: "a first and a last frame",
        Mode.REFERENCE: "reference images",
        Mode.FRAMES_AND_REFERENCES: "frames together with reference images",
        Mode.KEYFRAMES: "keyframes",
        Mode.EDIT: "an image that is to be changed",
        Mode.EXTEND: "a film that is to go on",
    }
)


def shown(got: Any) -> str:
    """A caller's own value, exactly; of a long one the beginning."""
    if isinstance(got, float):
        text = str(int(got)) if got.is_integer() and abs(got) < _EXACT else repr(got)
    else:
        text = repr(got) if isinstance(got, str) else json.dumps(got, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def in_words(table: tuple[Any, ...] | Span | ListOf) -> str:
    """What is offered, as people say it."""
    if isinstance(table, ListOf):
        most = "" if table.max is None else f" of at most {table.max}"
        return f"a list{most}" if table.each is None else f"a list{most} of {in_words(table.each)}"
    if isinstance(table, tuple):
        return ", ".join(one if isinstance(one, str) else shown(one) for one in table)
    low = "" if table.min is None else f"from {shown(table.min)} "
    high = "" if table.max is None else f"{'to' if low else 'up to'} {shown(table.max)} "
    step = f"in steps of {shown(table.step)}" if table.step else "in whole numbers" if table.whole else ""
    return ", or ".join([f"{low}{high}{step}".strip() or "numbers", *map(shown, table.also)])


def ways(modes: tuple[Mode, ...]) -> str:
    """How a model can be used; not those ways for which our requests have no word."""
    return ", or from ".join(MEANS[one] for one in modes if one is not Mode.EXTEND)


def circumstances(when: Mapping[str, tuple[Any, ...]], asked: Mapping[str, Any]) -> str:
    """What of a request a combination is about."""
    return " and ".join(_circumstance(name, asked.get(name), values) for name, values in when.items())


def of_free_sizes(free: FreeSizes) -> str:
    """A vendor's rule for sizes that are not in its list."""
    area = Span(min=free.pixels_min, max=free.pixels_max)
    told = {
        f"both sides are multiples of {free.multiple_of}": free.multiple_of > 1,
        f"no side is shorter than {free.side_min} pixels": free.side_min,
        f"no side is longer than {free.side_max} pixels": free.side_max,
        f"width times height is {in_words(area)} pixels": area.min or area.max,
        f"the long side is at most {shown(free.ratio_max)} times the short one": free.ratio_max,
    }
    rules = ", ".join(words for words, applies in told.items() if applies)
    return f"WIDTHxHEIGHT where {rules}" if rules else "WIDTHxHEIGHT"


def _circumstance(name: str, got: Any, values: tuple[Any, ...]) -> str:
    if name == "mode":
        return f"when it works from {MEANS[Mode(got)]}"
    if name == "images":
        return f"with {got} reference {'image' if got == 1 else 'images'}"
    if got is None:
        return f"without {name}"
    return f"with {name}" if GIVEN in values else f"with {name} {shown(got)}"
