"""What doctor has to say about one thing."""

from dataclasses import dataclass
from enum import Enum


class Health(Enum):
    """How a finding is meant."""

    GOOD = "good"
    WORTH_KNOWING = "worth knowing"
    BAD = "bad"  # it would stop `up`


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    health: Health
    name: str
    says: str


def good(name: str, says: str) -> Finding:
    """As it should be."""
    return Finding(Health.GOOD, name, says)


def note(name: str, says: str) -> Finding:
    """No hindrance, but worth knowing."""
    return Finding(Health.WORTH_KNOWING, name, says)


def bad(name: str, says: str) -> Finding:
    """It would stop `up`."""
    return Finding(Health.BAD, name, says)
