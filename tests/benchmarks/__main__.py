"""Measures: `make bench`, or `python -m tests.benchmarks --only submit`. See the package's docstring for adding one.

A table for people goes to standard error, JSON for programs to standard output.
"""

import argparse
import asyncio
import importlib
import json
import pkgutil
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

import tests.benchmarks as package
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.engines import Engines
from tests.benchmarks.rig.result import Result
from tests.benchmarks.rig.tables import document, machine, table

Measure = Callable[[Bench], Awaitable[Result]]
FEWEST_ROUNDS = 3


def known() -> dict[str, Measure]:
    """Every benchmark by its name."""
    return dict(sorted(_found()))


def _found() -> Iterator[tuple[str, Measure]]:
    for entry in pkgutil.iter_modules(package.__path__):
        if entry.ispkg or entry.name == "__main__" or entry.name.startswith("test_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        if hasattr(module, "NAME"):
            yield module.NAME, module.measure


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    everything = known()
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=everything, help="may be given several times")
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS)
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="of load, for each candidate of each round"
    )
    parser.add_argument("--write", type=Path, help="the document to write, such as docs/performance.md")
    given = parser.parse_args(arguments)
    chosen = {name: measure for name, measure in everything.items() if name in (given.only or everything)}
    rounds = max(given.rounds, FEWEST_ROUNDS)
    results = asyncio.run(_run(chosen, rounds, given.seconds))
    if given.write:
        given.write.write_text(document(results, rounds), encoding="utf-8")
    found = {name: result.as_json() for name, result in results.items()}
    json.dump(
        {"machine": machine(), "rounds": rounds, "benchmarks": found},
        sys.stdout,
        indent=2,
        ensure_ascii=False,
    )
    print()


async def _run(chosen: dict[str, Measure], rounds: int, seconds: float) -> dict[str, Result]:
    console, results = Console(stderr=True), {}
    with Engines() as engines:
        for name, measure in chosen.items():
            began = time.monotonic()
            with console.status(name) as status:
                tell = _teller(name, status.update, console)
                results[name] = await measure(Bench(engines, rounds, seconds, tell=tell))
            console.print(table(name, results[name]))
            console.print(f"{name} took {time.monotonic() - began:.0f} s")
    return results


def _teller(name: str, update: Callable[[str], None], console: Console) -> Callable[[str], None]:
    """On a terminal the line changes; in a file each becomes one."""

    def tell(words: str) -> None:
        if console.is_terminal:
            update(f"{name}: {words}")
        else:
            console.print(f"{name}: {words}", markup=False)

    return tell


if __name__ == "__main__":
    main()
