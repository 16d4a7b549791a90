"""How long an upstream asks us to wait: in headers, fields and words, in its own spelling.

A wait that is there and cannot be read is no short one: `Wait.certain_s` is then nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from schemas.reading.given import Given
from schemas.reading.layers import Layer, first_field

_UNITS_S = (
    (re.compile(r"ms|milli"), 0.001),
    (re.compile(r"mo|个?月"), 2_592_000.0),
    (re.compile(r"m|分"), 60.0),
    (re.compile(r"h|个?小时"), 3600.0),
    (re.compile(r"d|天|日"), 86_400.0),
    (re.compile(r"w|个?(?:周|星期)"), 604_800.0),
    (re.compile(r"s|秒"), 1.0),
)
_NUMBER = r"\d{1,12}(?:\.\d{1,12})?"
_UNIT = (
    r"(?:milliseconds?|ms|seconds?|secs?|s|months?|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w"
    r"|秒钟?|分钟?|个?小时|天|日|个?月|个?(?:周|星期))(?![A-Za-z])"
)
_UNIT_HERE = r"(?:ms|s|m|h|d|w)"
_SPAN = (
    rf"{_NUMBER}(?:\s{{0,2}}(?:{_UNIT}|{_UNIT_HERE}(?=\d))"
    rf"(?:[\s,]{{0,2}}(?:and )?{_NUMBER}\s{{0,2}}(?:{_UNIT}|{_UNIT_HERE}(?=\d))){{0,5}})?"
)
_WHOLE = re.compile(rf"(?i)\s{{0,3}}({_SPAN})\s{{0,3}}")
_WORDS = re.compile(
    r"(?i)(?:(?:try again|retry|resets?|wait|available)\w{0,4}(?: again)?[ ](?:in|after|for)|"
    rf"retry[ _-]?after|retrydelay)[\"']?\W{{0,4}}({_SPAN})|(?<![\d.])({_SPAN})\s{{0,2}}(?:之?后|以后)"
)
_UNREAD = re.compile(
    r"(?i)(?:try again|retry|resets?|wait|available)\w{0,4}(?: again)?[ ]"
    r"(?:at|on|until|tomorrow|next|later today|(?:in|after) (?:a|an|one|two|several|some|a few) )|"
    r"\btomorrow\b|明[天日]|次日|下个?[周月]"
)
_HEADERS = ("retry-after", "x-retry-after")
_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset", "ratelimit-reset")
_FIELDS = frozenset({"retry_after", "retryafter", "retrydelay", "retry_after_seconds"})


@dataclass(frozen=True, slots=True)
class Wait:
    """What is asked for first, and whether all that is asked for could be read."""

    asked_s: float | None
    longest_s: float
    readable: bool


def wait_of(given: Given, layers: list[Layer]) -> Wait:
    """Every wait that an answer names."""
    asked = list(_named(given, layers))
    resets = [_of_header(given, header) for name in _RESETS if (header := given.header(name))]
    read = [one for one in asked if one is not None]
    every = [*asked, *resets]
    return Wait(
        next(iter(read), None),
        max((one for one in every if one is not None), default=0.0),
        all(one is not None for one in every),
    )


def _named(given: Given, layers: list[Layer]) -> Iterator[float | None]:
    for name in _HEADERS:
        if header := given.header(name):
            yield _of_header(given, header)
    if (milliseconds := given.header("retry-after-ms")) is not None:
        seconds = _seconds(milliseconds)
        yield None if seconds is None else seconds / 1000
    if named := first_field(layers, _FIELDS):
        yield _seconds(named)
    for layer in layers:
        for found in _WORDS.findall(layer.words):
            yield _seconds(found[0] or found[1])
        if _UNREAD.search(layer.words):
            yield None


def _of_header(given: Given, value: str) -> float | None:
    seconds = _seconds(value)
    if seconds is not None:
        return seconds
    try:
        until, now = (parsedate_to_datetime(one).timestamp() for one in (value, given.header("date") or ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(until - now, 0.0)


def _seconds(text: str) -> float | None:
    """Seconds of `20`, `7h12m0s` or `2 days`; nothing where it is written in another way."""
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        return None
    return sum(float(number) * _unit(unit) for number, unit in _parts(whole[1]))


def _parts(span: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(rf"(?i)({_NUMBER})\s{{0,2}}([a-z]+|[^\W\d_a-z]+)?", span)


def _unit(unit: str) -> float:
    return next((seconds for name, seconds in _UNITS_S if unit and name.match(unit.lower())), 1.0)
