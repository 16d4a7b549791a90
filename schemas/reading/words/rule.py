"""Stems that several rules look for, and how a rule is written.

A line's end means "or"; where a line ends with a bar, the next one goes on inside the same group.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from schemas.failures import FailureKind
from schemas.reading.given import Phase

_ALL = frozenset(Phase)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that words can say. `unless` takes it back; `phases` are those in which it is heard."""

    name: str
    kind: FailureKind
    says: str
    unless: str
    phases: frozenset[Phase]
    vague: bool  # heard only where no layer said anything clearer

    def holds(self, words: str, phase: Phase) -> bool:
        """Whether these words say so."""
        heard = phase in self.phases and _any(self.says).search(words) is not None
        return heard and not (self.unless and _any(self.unless).search(words))


def rule(
    name: str,
    kind: FailureKind,
    says: str,
    unless: str = "",
    phases: Iterable[Phase] = _ALL,
    *,
    vague: bool = False,
) -> Rule:
    """A rule from the lines of its patterns."""
    return Rule(name, kind, says, unless, frozenset(phases), vague)


def one_of(lines: str) -> str:
    """Lines of alternatives as one group."""
    joined = ""
    for line in filter(None, map(str.strip, lines.splitlines())):
        joined += line if not joined or joined.endswith("|") else f"|{line}"
    return f"(?:{joined})"


@cache
def _any(lines: str) -> re.Pattern[str]:
    """Compiled when it is first asked for: most programs that load the rules never read an error."""
    return re.compile(one_of(lines), re.IGNORECASE)
