"""What the reader of errors is given, cut to a size that can be read in linear time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_BODY = 65536
LONGEST_EXCEPTION = 8192
_MOST_HEADERS = 64
_LONGEST_HEADER = 1000


class Phase(StrEnum):
    """What we were doing: the same words mean different things."""

    SUBMIT = "submit"
    POLL = "poll"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Given:
    """An upstream's answer, or what was thrown instead of one, or words that somebody pasted."""

    phase: Phase = Phase.SUBMIT
    provider: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    exception: str = ""

    @property
    def texts(self) -> tuple[str, str]:
        """What was said and what was thrown, in their first part."""
        return self.body[:LONGEST_BODY], self.exception[:LONGEST_EXCEPTION]

    def header(self, name: str) -> str | None:
        """A header's value by its name in lower case."""
        held = list(self.headers.items())[:_MOST_HEADERS]
        return next((value[:_LONGEST_HEADER] for key, value in held if key.lower() == name and value), None)
