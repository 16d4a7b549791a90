"""What the checks before money cost: processor time of one request, beside a bare parse of the same body."""

import gc
import json
import statistics
import time
from collections.abc import Callable
from datetime import date

from schemas.providers import PROVIDERS
from schemas.rules import check
from schemas.rules.passing import Passing
from schemas.task import TaskRequest
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.result import Figure, Result

NAME = "checks"
TIMES = 4000
BODIES = {
    "sandbox-video-1": {"ratio": "9:16", "duration_s": 5, "seed": 7, "negative_prompt": "rain"},
    "kling-v2-6": {"ratio": "16:9", "duration_s": 10, "options": {"mode": "pro"}, "audio": True},
    "doubao-seedance-2-5-260628": {"ratio": "adaptive", "resolution": "1080p", "duration_s": 12, "watermark": False},
    "sora-2": {"size": "1280x720", "duration_s": 8},
}  # fmt: skip
_PROMPT = "a paper boat in the rain, seen from above, slow camera, warm light 雨中的纸船 " * 4
_MODELS = {model.name: model for provider in PROVIDERS.values() for model in provider.models}
_KNOWN = {name: Passing(_MODELS[name]) for name in BODIES}
_TODAY = date(2026, 1, 1)


async def measure(bench: Bench) -> Result:
    """All, in turns."""
    asked, times = bodies(), 20 if bench.quick else TIMES

    async def bare() -> float:
        return median_us(parse, asked, times)

    async def ours() -> float:
        return median_us(judge, asked, times)

    async def anew() -> float:
        return median_us(judge_anew, asked, times)

    gc.disable()
    found = await bench.in_turns({"bare parse": bare, "parse and check": ours, "shape is new": anew})
    gc.enable()
    return Result(
        "processor time of the checks before spend, request without images, of a shape that passed before or of none",
        [
            Figure("bare parse", "µs", found["bare parse"]),
            Figure(
                "parse and check",
                "µs",
                found["parse and check"],
                beside="bare parse",
            ),
            Figure("parse and check, nothing remembered", "µs", found["shape is new"], beside="bare parse"),
        ],
    )


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
    """All rules, as the API asks them: those of the shape once for all requests that are alike."""
    return _passed(body, _KNOWN[name], name)


def judge_anew(body: bytes, name: str) -> TaskRequest:
    """The same where nothing is remembered."""
    return _passed(body, Passing(_MODELS[name]), name)


def _passed(body: bytes, passing: Passing, name: str) -> TaskRequest:
    request = TaskRequest.model_validate_json(body)
    passed = passing.passed(request, _TODAY)
    if passed is None:
        wrong = check(request, _MODELS[name])
        raise ValueError(f"the benchmark's own request is refused: {wrong}")
    return passed.request


def median_us(work: Callable[[bytes, str], object], asked: list[tuple[bytes, str]], times: int) -> float:
    """Microseconds of processor time for one request, the median of many."""
    samples: list[int] = []
    for number in range(times):
        body, name = asked[number % len(asked)]
        began = time.process_time_ns()
        work(body, name)
        samples.append(time.process_time_ns() - began)
    return statistics.median(samples) / 1000
