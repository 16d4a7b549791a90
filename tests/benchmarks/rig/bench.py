"""A run: how many rounds, how long, on which engines, and what is told meanwhile."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tests.benchmarks.rig.engines import Engines

_Sample = TypeVar("_Sample")


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark is given."""

    engines: Engines
    rounds: int
    seconds: float
    quick: bool = False
    peer: bool = False
    tell: Callable[[str], None] = lambda _: None

    async def in_turns(
        self, candidates: Mapping[str, Callable[[], Awaitable[_Sample]]]
    ) -> dict[str, list[_Sample]]:
        """Every candidate once a round; what each returned, one a round."""
        found: dict[str, list[_Sample]] = {name: [] for name in candidates}
        for number in range(1, self.rounds + 1):
            for name, measure in candidates.items():
                self.tell(f"round {number} of {self.rounds}: {name}")
                found[name].append(await measure())
        return found
