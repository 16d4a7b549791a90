"""The benchmarks run; how fast they are is for `make bench` to say."""

import pytest

from tests.benchmarks.__main__ import known
from tests.benchmarks.checks import bodies, judge, measure
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.engines import Engines
from tests.benchmarks.rig.result import Figure, Result
from tests.benchmarks.rig.tables import document

RESULT = Result(
    "boats",
    [
        Figure("bare", "req/s", [100, 200, 100]),
        Figure("ours", "req/s", [50, 50, 51], beside="bare", at_least=0.45),
        Figure("late", "ms", [9, 7, 8], at_most=5),
    ],
    ["It rained."],
)


def test_what_is_measured_passes_the_checks():
    assert [judge(body, name).model for body, name in bodies()] == [name for _, name in bodies()]


async def test_a_short_run_says_its_ratio():
    with Engines() as engines:
        found = await measure(Bench(engines, rounds=3, seconds=0, quick=True))

    ours = found.figure("parse and check")
    assert len(ours.samples) == 3
    assert all(ratio > 1 for ratio in found.ratios(ours) or [0])


def test_a_ratio_is_taken_within_a_round():
    assert RESULT.ratios(RESULT.figure("ours")) == [0.5, 0.25, 0.51]


@pytest.mark.parametrize(("what", "met"), [("bare", None), ("ours", True), ("late", False)])
def test_a_target_is_of_the_ratio_where_there_is_one(what, met):
    assert RESULT.met(RESULT.figure(what)) is met


def test_the_document_says_ratio_target_and_what_is_worth_knowing():
    text = document({"boats": RESULT}, 3)

    assert "| ours | 50 req/s | 50 to 51 | 0.50 (0.25 to 0.51) | bare | ≥ 0.45: met |" in text
    assert "| late | 8 ms | 7 to 9 |  |  | ≤ 5: not met |" in text
    assert "It rained." in text


def test_every_benchmark_is_found_by_itself():
    assert {"checks", "submit"} <= known().keys()
