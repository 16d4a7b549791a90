"""A parked submission is asked about more and more seldom: after a quarter of its age, and each hour at most."""

from collections.abc import Awaitable
from datetime import datetime, timedelta

import pytest

from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task
from schemas.upstream import Observation
from tasks_service.doorbell import SilentDoorbell
from workers.case import Case
from workers.line import boottime
from workers.settle import Settler
from workers.submit import Submit
from workers.workbench import Workbench

MINUTE, HOUR, DAY = 60, 3600, 86400
PARKED_WAIT_S = 5 * MINUTE
LEASE = timedelta(minutes=5)
# How old a submission is, and how long it is left alone then.
AGES = pytest.mark.parametrize(
    ("age_s", "wait_s"),
    [
        (10, PARKED_WAIT_S),
        (19 * MINUTE, PARKED_WAIT_S),
        (2 * HOUR, 30 * MINUTE),
        (5 * HOUR, HOUR),
        (2 * DAY, HOUR),
    ],
)


@pytest.fixture
async def bench(world):
    settings = world.settings.model_copy(update={"parked_wait_s": PARKED_WAIT_S, "park_unknown_after_s": 1})
    opened = await Workbench.open(settings, SilentDoorbell())
    yield opened
    await opened.close()


@pytest.fixture
async def lost(world) -> Task:
    """A claimed task whose paid request nobody knows the outcome of."""
    await world.accepts("kling-v1-6")
    [task] = await world.ledger.tasks.claim([State.SUBMITTED], 1, LEASE, whole=True)
    assert await world.ledger.spends.intend(task)
    assert await world.ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    return await world.task(task.id)


async def ledger_s_time(world) -> datetime:
    [row] = await world.ledger._database._executor.fetch("SELECT now() AS at")
    return row["at"]


async def left_alone(world, task: Task, look: Awaitable[None]) -> tuple[float, float]:
    """At least and at most for how many seconds, after a look, by the ledger's clock and to within our own time."""
    before = await ledger_s_time(world)
    await look
    after = await ledger_s_time(world)
    due_at = (await world.task(task.id)).due_at
    # An age goes on while we look, and the wait with it.
    took = after - before
    return (due_at - after - took).total_seconds(), (due_at - before).total_seconds()


@AGES
async def test_the_older_a_lost_submission_is_the_longer_it_is_left_alone(world, bench, lost, age_s, wait_s):
    settler = Settler(bench)

    for _ in ("when it is parked", "when it was parked before"):
        case = Case(lost, bench.upstreams[lost.route], 1, boottime() - age_s)
        look = settler.leave_to_a_person(case, case.upstream.driven(Observation()))
        shortest, longest = await left_alone(world, lost, look)
        assert shortest <= wait_s <= longest

    now = await world.task(lost.id)
    assert (now.parked, now.spend) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN)
    assert len(await world.ledger.history.notes(lost.id)) == 1


@AGES
async def test_so_it_is_by_a_worker_that_has_asked_the_upstream_in_vain(world, bench, lost, age_s, wait_s):
    step = Submit(bench)
    bench.ledger.tasks.clock.read(lost.created_at + timedelta(seconds=age_s))  # so late is it for this worker

    shortest, longest = await left_alone(world, lost, step._act_safely(lost))

    assert shortest <= wait_s <= longest
    assert (await world.task(lost.id)).parked is Parked.OUTCOME_UNKNOWN
    assert [call["status"] for call in await world.calls(lost, "lookup")] == [404]
