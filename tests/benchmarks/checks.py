"""What the checks before money cost: processor time of one request, beside a bare parse of the same body.

Both run in turns in one process, at least three rounds; medians of the rounds are shown, as a table for people
and as JSON for programs.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.providers import PROVIDERS
from schemas.rules import check, not_checked, with_defaults
from schemas.task import TaskRequest

BODIES = {
    "sandbox-video-1": {"ratio": "9:16", "duration_s": 5, "seed": 7, "negative_prompt": "rain"},
    "kling-v2-6": {"ratio": "16:9", "duration_s": 10, "options": {"mode": "pro"}, "audio": True},
    "doubao-seedance-2-5-260628": {"ratio": "adaptive", "resolution": "1080p", "duration_s": 12, "watermark": False},
    "sora-2": {"size": "1280x720", "duration_s": 8},
}  # fmt: skip
_PROMPT = "a paper boat in the rain, seen from above, slow camera, warm light 雨中的纸船 " * 4
_MODELS = {model.name: model for provider in PROVIDERS.values() for model in provider.models}


def bodies() -> list[tuple[bytes, str]]:
    """Requests without images, of several model families."""
    return [
        (json.dumps({"model": name, "prompt": _PROMPT} | more).encode(), name)
        for name, more in BODIES.items()
    ]


def parse(body: bytes, name: str) -> TaskRequest:
    """The bare equivalent: pydantic, and nothing else."""
    return TaskRequest.model_validate_json(body)


def judge(body: bytes, name: str) -> TaskRequest:
    """All that happens to a request between its bytes and the ledger."""
    model = _MODELS[name]
    filled = with_defaults(TaskRequest.model_validate_json(body), model)
    if wrong := check(filled, model):
        raise ValueError(f"the benchmark's own request is refused: {wrong}")
    not_checked(filled, model)
    return filled


def median_us(work: Callable[[bytes, str], object], asked: list[tuple[bytes, str]], times: int) -> float:
    """Microseconds of processor time for one request, the median of many."""
    samples: list[int] = []
    for number in range(times):
        body, name = asked[number % len(asked)]
        began = time.process_time_ns()
        work(body, name)
        samples.append(time.process_time_ns() - began)
    return statistics.median(samples) / 1000


def measure(rounds: int, times: int) -> dict[str, Any]:
    """Both, in turns."""
    asked, taken = bodies(), {"bare parse": [], "parse and check": []}
    candidates = {"bare parse": parse, "parse and check": judge}
    gc.disable()
    for _ in range(rounds):
        for name, work in candidates.items():
            taken[name].append(median_us(work, asked, times))
    gc.enable()
    bare, checked = (statistics.median(taken[name]) for name in candidates)
    return {
        "benchmark": "checks before spend, request without images",
        "unit": "microseconds of processor time, median",
        "rounds": rounds,
        "bare_parse": round(bare, 1),
        "parse_and_check": round(checked, 1),
        "ratio": round(checked / bare, 2),
        "spread": {name: [round(min(some), 1), round(max(some), 1)] for name, some in taken.items()},
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=4000)
    given = parser.parse_args()
    found = measure(max(given.rounds, 3), given.times)
    table = Table("what", "µs", title=str(found["benchmark"]))
    for name in ("bare_parse", "parse_and_check", "ratio"):
        table.add_row(name.replace("_", " "), str(found[name]))
    Console(stderr=True).print(table)
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
