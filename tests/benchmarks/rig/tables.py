"""What was measured, as a table for people and as a document."""

import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from tests.benchmarks.rig.result import Figure, Result, rounded, spread

_COLUMNS = ("what", "measured", "spread", "ratio", "beside", "target")


def table(name: str, result: Result) -> Table:
    """One benchmark for a terminal."""
    shown = Table(*_COLUMNS, title=f"{name}: {result.about}", caption="\n".join(result.told) or None)
    for figure in result.figures:
        shown.add_row(*_row(result, figure))
    return shown


def document(results: Mapping[str, Result], rounds: int) -> str:
    """All of it as Markdown, with the date and the machine."""
    return "\n".join(_lines(results, rounds)) + "\n"


def machine() -> str:
    """What this ran on."""
    cpu = Path("/proc/cpuinfo")
    names = [line for line in cpu.read_text().splitlines() if "model name" in line] if cpu.exists() else []
    processor = names[0].partition(": ")[2] if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of {processor}, {platform.system()}, Python {platform.python_version()}"


def _lines(results: Mapping[str, Result], rounds: int) -> Iterator[str]:
    yield "# Performance"
    yield ""
    yield "Written by `make bench WRITE=docs/performance.md`; do not edit."
    yield f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. Medians of {rounds} rounds in turns, with the least and the most."
    yield "The load client, the server and PostgreSQL share the machine, so trust ratios more than rates."
    for name, result in results.items():
        yield from ("", f"## {name}", "", result.about, "")
        yield f"| {' | '.join(_COLUMNS)} |"
        yield f"|{'---|' * len(_COLUMNS)}"
        for figure in result.figures:
            yield f"| {' | '.join(_row(result, figure))} |"
        for told in result.told:
            yield from ("", told)


def _row(result: Result, figure: Figure) -> tuple[str, ...]:
    ratios = result.ratios(figure)
    return (
        figure.what,
        f"{_text(figure.median)} {figure.unit}",
        _between(figure.samples),
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else "",
        figure.beside or "",
        _target(result, figure),
    )


def _target(result: Result, figure: Figure) -> str:
    met = result.met(figure)
    if met is None:
        return ""
    wanted = f"≥ {figure.at_least:g}" if figure.at_least is not None else f"≤ {figure.at_most:g}"
    return f"{wanted}: {'met' if met else 'not met'}"


def _between(samples: Sequence[float]) -> str:
    least, most = spread(samples)
    return f"{_text(least)} to {_text(most)}"


def _text(number: float) -> str:
    return f"{rounded(number):,g}" if abs(number) < 1000 else f"{round(number):,}"
