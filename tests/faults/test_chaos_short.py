"""The nemesis run in short: every kind of blow once, and the checker's word on what is left."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.chaos import Plan, run
from tests.faults.nemesis import ARMED, schedule
from tests.faults.stage import SEND_WINDOW, WORKERS

pytestmark = [pytest.mark.journey, pytest.mark.timeout(480)]


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: PostgreSQL's user could not enter it, and its data would lie elsewhere.
    with tempfile.TemporaryDirectory(prefix="creative-tasks-chaos-") as name:
        yield Path(name)


def kept_every_promise(told: dict[str, Any]) -> None:
    assert told["violations"] == {}, told["seen"]
    assert told["acked"] == told["stored"] > 0
    assert told["settle_s"] is not None
    assert sum(told["ended"].values()) + sum(told["parked"].values()) == told["stored"]


# So often that of sixty tasks some certainly meet it.
_OFTEN = ",".join(f"{point}=kill@0.06" for point in sorted(SEND_WINDOW))
DEADLY = ARMED | {name: f"{ARMED[name]},{_OFTEN}" for name in WORKERS}


async def test_a_minute_of_blows_loses_nothing_and_pays_once(folder: Path):
    told = await run(Plan(seed=11, rage_s=60, calm_s=4, rate_s=3, every_s=4, armed=DEADLY), folder)

    kept_every_promise(told)
    blows = {name for name, times in told["deeds"].items() if times}
    assert {"kill_api", "kill_worker", "pause_worker", "crash_postgres"} <= blows
    assert told["kills_inside_send_window"] > 0
    assert sum(told["starts"].values()) > 10, "processes really died"


def test_a_seed_decides_the_whole_schedule():
    first, again, other = (schedule(Random(seed), 300, 3) for seed in (5, 5, 6))

    assert first == again != other
    assert len({deed.what for deed in first}) == 9
