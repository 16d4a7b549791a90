"""What a rule has to say: where, what was given, and what would be right."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from schemas.capabilities import Model
from schemas.task import TaskRequest


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: where, what was given, what is allowed, and the nearest of that.

    `nearest` is a value that passes when it stands where the pointer points. Of an unknown option it is the
    name that was probably meant; of a model the list of such names, the nearest first; of images their
    number. Where there is none, what the pointer names has to be left out, or only its author knows better.
    """

    pointer: str
    code: str
    detail: str
    got: Any = None
    allowed: Any = None
    nearest: Any = None
    # What else is allowed, the nearer first.
    others: tuple[Any, ...] = ()


# A rule yields what is wrong; it never raises.
Rule = Callable[[TaskRequest, Model], Iterator[Violation]]


def pointer_part(name: str) -> str:
    """One part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
