"""The benchmarks of the workers run; how fast it is is for `make bench` to say."""

import pytest

from tests.benchmarks import changing, downloads, polling
from tests.benchmarks.rig.bench import Bench
from tests.benchmarks.rig.engines import Engines

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def quick():
    with Engines() as engines:
        yield Bench(engines, rounds=1, seconds=0.3, quick=True)


@pytest.mark.parametrize("benchmark", [polling, changing, downloads])
async def test_a_short_run_says_something_of_everything(quick, benchmark):
    found = await benchmark.measure(quick)

    assert all(len(figure.samples) == 1 for figure in found.figures)
    assert all(figure.median >= 0 for figure in found.figures)
