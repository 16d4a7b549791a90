"""At every failpoint, whatever the upstream does: nothing is lost, and nothing is paid for twice.

`make faults` runs every case; the usual run takes a few of some points, others with another FAULTS_SEED.
"""

import asyncio
import os
import random
from itertools import groupby
from operator import itemgetter

import pytest

from schemas.lifecycle import Parked, Spend, State
from tests.faults.matrix import BEHAVIOURS, CASES, LOST, MODELS, POINTS, Deadly, die_for_each
from tests.workers.conftest import OVER, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.journey

ALL = os.environ.get("FAULTS") == "all"
SEED = os.environ.get("FAULTS_SEED", "1")
# Around the send, around a look-up, and one commit each of the later steps.
SOME = (
    "submit.intent_committed",
    "submit.connected",
    "submit.answered",
    "submit.settling",
    "lookup.answered",
    "poll.moving",
    "download.recording",
)
QUICK = {
    "lease_s": 2.5,
    "tick_s": 0.03,
    "call_timeout_s": 3.0,
    "submit_timeout_s": 2.0,
    "parked_wait_s": 0.5,
    "park_unknown_after_s": 8.0,
    "absent_after_s": 2.0,
}


def chosen(point: str) -> list[tuple[str, str]]:
    cases = list(POINTS[point])
    return (
        cases if ALL else random.Random(f"{SEED}{point}").sample(cases, 4 if is_about_sending(point) else 2)
    )


def test_there_are_at_least_500_cases():
    assert len(CASES) == len(set(CASES)) >= 500


@pytest.mark.parametrize("point", POINTS if ALL else SOME)
async def test_a_worker_killed_at_any_point_loses_nothing_and_pays_once(world, point, tmp_path):  # noqa: F811
    deadly, tasks = Deadly(point, tmp_path / "killed"), {}
    if is_about_sending(point):
        tasks = await accepted(world, chosen(point), "queue=0 run=0.1")
        await asyncio.gather(*(die(world, deadly, group) for group in by_route(tasks)))
    else:
        # One route after the other: a kill that takes others with it could leave them past the point.
        for cases in by_recovery(chosen(point)):
            made = await watched(world, cases)
            await die(world, deadly, list(made.values()))
            tasks |= made

    async with world.working(**QUICK):
        ended = {case: await at_rest(world, task, case) for case, task in tasks.items()}
        # What is looked up on a schedule may still be found after it was parked.
        await asyncio.sleep(1)

    never_fired = {case for case, task in tasks.items() if str(task.id) not in deadly.killed()}
    assert never_fired == set(), f"seed {SEED}: a failpoint that never fired has proved nothing"
    wrong = [
        f"{point} {case}: {verdict}"
        for case, task in ended.items()
        if (verdict := await what_is_wrong(world, task, *case))
    ]
    assert wrong == [], f"seed {SEED}"


async def at_rest(world, task, case):  # noqa: F811
    try:
        return await world.until(task, parked=not settles_itself(*case), within_s=90)
    except TimeoutError:
        return await world.task(task.id)


def settles_itself(recovery: str, behaviour: str) -> bool:
    """Whether an upstream can always tell in the end, so that no person is needed."""
    if recovery == "idempotency_key":
        return behaviour != "refused"  # a refusal of the second try says nothing about the first
    # That nothing had arrived is believed once; a person is asked when it happens again, and when the next
    # attempt is refused for parameters, since it may be the reference that is taken.
    lost_again = ("lost_before", "hang_before", "500_before", "redirect", "busy", "limited", "refused")
    return recovery == "lookup_by_reference" and behaviour not in lost_again


def is_about_sending(point: str) -> bool:
    return point.startswith(("guard.", "submit.", "lookup."))


async def accepted(world, cases, timing: str):  # noqa: F811
    return {
        case: await world.accepts(MODELS[case[0]], script=f"{timing} {BEHAVIOURS[case[1]]} {reuse(*case)}")
        for case in cases
    }


def reuse(recovery: str, behaviour: str) -> str:
    """Where an answer is lost, an upstream that would refuse a used reference must not hide that it was used."""
    return "reuse=accepted" if recovery == "lookup_by_reference" and behaviour in LOST else ""


async def watched(world, cases):  # noqa: F811
    """Tasks that their upstream has, and is not yet done with."""
    tasks = await accepted(world, cases, "queue=3 run=0.1")
    async with world.working(**QUICK):
        for task in tasks.values():
            await world.until(task, State.QUEUED)
    return tasks


def by_recovery(cases):
    return [list(group) for _, group in groupby(sorted(cases), key=itemgetter(0))]


def by_route(tasks):
    """Whoever is sending alone on its route takes no other with it that might never come here again."""
    routes = {task.route for task in tasks.values()}
    return [[task for task in tasks.values() if task.route == route] for route in routes]


async def die(world, deadly: Deadly, tasks) -> None:  # noqa: F811
    names = {task.route for task in tasks}
    routes = tuple(
        route.model_copy(update={"max_concurrency": 1})
        for route in world.settings.routes
        if route.name in names
    )
    settings = world.settings.model_copy(update=QUICK | {"routes": routes})
    await asyncio.to_thread(die_for_each, dict(settings), deadly, {str(task.id) for task in tasks})


async def what_is_wrong(world, task, recovery: str, behaviour: str) -> str | None:  # noqa: F811
    made = await world.creations(task)
    attempts = await world.ledger.spends.attempts(task)
    possible = [one for one in attempts if one.outcome is not Spend.NOT_CREATED]
    if made > 1:
        return f"paid {made} times"
    if len(possible) > 1:
        return "two attempts that may have been paid"
    if task.state not in OVER and task.parked is not Parked.OUTCOME_UNKNOWN:
        calls = [
            (call["purpose"], call["status"] or call["trouble"])
            for call in await world.ledger.history.calls(task.id)
        ]
        return f"not at rest: {task.state}, {task.spend}, {[str(one.outcome) for one in attempts]}, {calls}"
    if task.parked and settles_itself(recovery, behaviour):
        return "parked, although the upstream can tell"
    if made and not possible:
        return "made, although every attempt is declared not created"
    if task.state is State.FAILED and behaviour != "refused":
        return f"failed: {task.failure}"
    return None
