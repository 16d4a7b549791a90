"""Places where tests break things: each exists, each is reached somewhere, and production knows nothing of them."""

import re
from pathlib import Path

import pytest

from tasks_service import failpoints
from tasks_service.failpoints import Injected

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


def test_every_failpoint_is_reached_somewhere_and_no_other():
    found: list[str] = []
    for folder in ("tasks_service", "workers"):
        for file in (ROOT / folder).rglob("*.py"):
            found += re.findall(r"await (?:failpoints\.)?reached\(\"([a-z_.]+)\"\)", file.read_text())

    assert set(found) == failpoints.POINTS


async def test_what_is_not_armed_does_nothing():
    await failpoints.reached("submit.covered")


async def test_an_error_comes_where_it_was_asked_for_and_is_noted_first(tmp_path):
    environment = dict(
        zip(failpoints.VARIABLES, ("submit.covered=error", str(tmp_path / "fired")), strict=True)
    )
    failpoints.arm_from(environment)

    await failpoints.reached("submit.connected")
    with pytest.raises(Injected):
        await failpoints.reached("submit.covered")
    assert (tmp_path / "fired").read_text() == "submit.covered\n"


@pytest.mark.parametrize("script", ["nowhere=kill", "submit.covered=explode", "submit.covered"])
def test_what_cannot_be_read_is_refused(script):
    with pytest.raises(ValueError, match="failpoint"):
        failpoints.arm_from({"CREATIVE_TASKS_FAILPOINTS": script})
