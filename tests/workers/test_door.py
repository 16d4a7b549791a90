"""The door: of a backlog only a few are between their intention and their line, so that each leaves in time."""

import asyncio
import time

import pytest

from schemas.capabilities import Model
from schemas.lifecycle import Spend, State
from tasks_service import failpoints
from workers import submit

BACKLOG = 96
BUSY_S = 0.06  # of a processor that does nothing else, for each of them
LEASE_S = 15  # many times what sixteen at once take
SHORT_LEASE_S = 5  # still five times as much, and less than all of them would


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


@pytest.fixture
async def backlog(world, monkeypatch):
    """Tasks that one worker claims at once. They take long and are looked at seldom: all its time is for sending."""
    monkeypatch.setattr(Model, "pace", lambda model, age_s: 60.0)
    roomy = (route.model_copy(update={"max_concurrency": BACKLOG}) for route in world.settings.routes)
    patient = {"lease_s": LEASE_S, "submit_timeout_s": 60, "call_timeout_s": 60, "stop_wait_s": 0.1}
    world.settings = world.settings.model_copy(update=patient | {"routes": tuple(roomy)})
    return [await world.accepts(script="run=600") for _ in range(BACKLOG)]


class BusyMachine:
    """Every act between its intention and its line holds up all the others; counts how many there are."""

    def __init__(self):
        self.within = self.most = 0
        failpoints.arm("submit.before_intent", self.promises)
        failpoints.arm("submit.intent_committed", self.is_busy)
        failpoints.arm("submit.covered", self.goes_through)

    async def promises(self, point: str) -> None:
        self.within += 1
        self.most = max(self.most, self.within)

    async def is_busy(self, point: str) -> None:
        time.sleep(BUSY_S)  # noqa: ASYNC251 - it is the whole process that has no time

    async def goes_through(self, point: str) -> None:
        self.within -= 1


async def too_late(world, tasks) -> int:
    """How many requests were given up at the last moment, because their time to leave had passed."""
    calls = [call for task in tasks for call in await world.calls(task, "submit")]
    return [call["trouble"] for call in calls].count("TooLate")


async def test_a_backlog_that_is_claimed_at_once_leaves_in_time_on_a_busy_machine(world, backlog):
    machine = BusyMachine()
    async with world.working():
        sent = [await world.until(task, State.QUEUED, State.RUNNING, within_s=90) for task in backlog]

    assert await too_late(world, backlog) == 0
    assert machine.most <= 16
    assert {(task.spend, task.attempt) for task in sent} == {(Spend.CONFIRMED, 1)}
    assert [await world.creations(task) for task in backlog] == [1] * BACKLOG


async def test_through_a_door_as_wide_as_the_backlog_many_come_too_late(world, backlog, monkeypatch):
    """Shows that the test above would notice."""
    monkeypatch.setattr(submit, "_AT_THE_DOOR", 1000)
    machine = BusyMachine()
    async with world.working(lease_s=SHORT_LEASE_S), asyncio.timeout(90):
        while not await too_late(world, backlog):  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.5)

    assert machine.most == BACKLOG
