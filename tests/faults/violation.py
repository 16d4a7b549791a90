"""What the checker says of a record that breaks a promise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.faults.record import Record


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: its name, what it is about, and what was seen."""

    name: str
    subject: str
    seen: Any = None

    def __str__(self) -> str:
        return f"{self.name}: {self.subject}" + (f" ({self.seen})" if self.seen is not None else "")


Check = Callable[[Record], Iterator[Violation]]
