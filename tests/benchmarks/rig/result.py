"""What was measured: samples of every round, and ratios taken round by round."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured: one sample a round. The targets are the ratio's where `beside` names another."""

    what: str
    unit: str
    samples: Sequence[float]
    beside: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        """The middle one of the rounds."""
        return statistics.median(self.samples)


@dataclass(frozen=True, slots=True)
class Result:
    """What a benchmark found; `about` says in a sentence what was compared, `told` what else is worth knowing."""

    about: str
    figures: Sequence[Figure]
    told: Sequence[str] = field(default=())

    def figure(self, what: str) -> Figure:
        """A figure by its name."""
        return next(figure for figure in self.figures if figure.what == what)

    def ratios(self, figure: Figure) -> list[float] | None:
        """A figure's samples over those beside it, round by round; None where it stands alone."""
        if figure.beside is None:
            return None
        bare = self.figure(figure.beside)
        return [ours / theirs for ours, theirs in zip(figure.samples, bare.samples, strict=True)]

    def met(self, figure: Figure) -> bool | None:
        """Whether the target was met; None where there is none."""
        if figure.at_least is None and figure.at_most is None:
            return None
        reached = statistics.median(self.ratios(figure) or figure.samples)
        return (figure.at_least is None or reached >= figure.at_least) and (
            figure.at_most is None or reached <= figure.at_most
        )

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "about": self.about,
            "figures": [self._figure_as_json(figure) for figure in self.figures],
            "told": list(self.told),
        }

    def _figure_as_json(self, figure: Figure) -> dict[str, Any]:
        ratios = self.ratios(figure)
        known = {
            "what": figure.what,
            "unit": figure.unit,
            "median": rounded(figure.median),
            "spread": spread(figure.samples),
            "beside": figure.beside,
            "ratio": ratios and rounded(statistics.median(ratios)),
            "ratio_spread": ratios and spread(ratios),
            "at_least": figure.at_least,
            "at_most": figure.at_most,
            "met": self.met(figure),
        }
        return {name: value for name, value in known.items() if value is not None}


def spread(samples: Sequence[float]) -> list[float]:
    """The least and the most."""
    return [rounded(min(samples)), rounded(max(samples))]


def rounded(number: float) -> float:
    """Three digits that count; more would be pretence."""
    if number == 0:
        return 0.0
    shown = float(f"{number:.3g}")
    return round(number) if abs(number) >= 1000 else shown
