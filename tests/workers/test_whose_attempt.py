"""Numbers of attempts come again where an intention was lost: nobody speaks for another's attempt."""

import asyncio

import pytest

from schemas.lifecycle import Spend, State
from tasks_service import failpoints
from tasks_service.doorbell import SilentDoorbell
from tasks_service.failpoints import Injected
from tasks_service.ledger.spend import Spends
from workers.submit import Submit
from workers.workbench import Workbench

from .test_overtaken import AT_ONCE


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


class Gate:
    """A failpoint at which whoever comes first waits until it is opened."""

    def __init__(self, point: str):
        self.come, self._opened, self._first = asyncio.Event(), asyncio.Event(), True
        failpoints.arm(point, self._wait)

    async def _wait(self, point: str) -> None:
        if self._first:
            self._first = False
            self.come.set()
            await self._opened.wait()

    def open(self) -> None:
        self._opened.set()


@pytest.mark.parametrize("model", ["sora-2", "doubao-seedance-1-0-pro-250528"])
async def test_who_could_not_write_its_intention_says_nothing_of_the_next_one_s_attempt(
    world, monkeypatch, model
):
    task, intend = await world.accepts(model), Spends.intend

    async def lost(self, *arguments):
        monkeypatch.setattr(Spends, "intend", intend)
        raise Injected("PostgreSQL went away before the commit")

    first, second = [Submit(await Workbench.open(world.settings, SilentDoorbell())) for _ in range(2)]
    monkeypatch.setattr(Spends, "intend", lost)
    before_the_record, answered = Gate("submit.before_settle"), Gate("submit.answered")
    [claimed] = await world.ledger.tasks.claim([State.SUBMITTED], 1, AT_ONCE, whole=True)
    one = asyncio.create_task(first._act_safely(claimed))
    await before_the_record.come.wait()
    [again] = await world.ledger.tasks.claim([State.SUBMITTED], 1, AT_ONCE, whole=True)
    other = asyncio.create_task(second._act_safely(again))
    await answered.come.wait()
    before_the_record.open()
    await one
    meanwhile = [attempt.outcome for attempt in await world.ledger.spends.attempts(task)]
    answered.open()
    await other
    async with world.working():
        ended = await world.until(task)
    await asyncio.gather(first.bench.close(), second.bench.close())

    assert meanwhile == [Spend.INTENDED]
    assert [attempt.outcome for attempt in await world.ledger.spends.attempts(task)] == [Spend.CONFIRMED]
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)
