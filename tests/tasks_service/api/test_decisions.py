"""A person decides over HTTP: what about, once, and what everybody reads afterwards."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from schemas.lifecycle import Parked, Spend, State
from tasks_service.decisions import CLOSED_AS
from tests.tasks_service.api.conftest import ANSWERED_WITHIN, HOUR, InDoubt, World, id_of, refused, submit
from tests.tasks_service.api.person import REASON, decide, told


async def test_what_was_not_created_goes_back_to_the_workers(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()

    reply = await decide(operator, name, "not_created")

    assert (reply.status_code, reply.json()["state"], reply.json()["parked"]) == (200, "submitted", None)
    [task] = await world.ledger.tasks.claim([State.SUBMITTED], 1, HOUR)
    assert (task.id, task.spend) == (id_of(name), Spend.NOT_CREATED)


async def test_too_early_to_say_not_created_says_when(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt(send_within=timedelta(seconds=20))
    before = await world.task(name)

    problem = refused(await decide(operator, name, "not_created"), 409, "state_conflict")

    [attempt] = await world.ledger.spends.attempts(before)
    due = attempt.send_deadline + ANSWERED_WITHIN
    assert problem["not_before"] == due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert problem["not_before"] in problem["detail"]
    assert await world.task(name) == before


@pytest.mark.parametrize(("parked", "kind"), CLOSED_AS.items())
async def test_a_closed_task_fails_for_the_reason_it_was_parked_for(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt, parked: Parked, kind: str
) -> None:
    if parked is Parked.OUTCOME_UNKNOWN:
        name = await in_doubt()
    else:
        name = (await submit(await world.client("globex")))["id"]
        states = (State.QUEUED, State.DONE) if parked is Parked.ARTIFACT_AT_RISK else (State.QUEUED,)
        await world.ledger.tasks.park(await world.move(name, *states), parked, HOUR, "worker", None)

    closed = (await decide(operator, name, "close")).json()

    assert (closed["state"], closed["failure"]["kind"], closed["parked"]) == ("failed", kind, None)
    entries = (await operator.get(f"/v1/tasks/{name}/history")).json()["data"]
    assert (entries[-1]["to"], entries[-1]["cause"]) == ("failed", "closed_by_person")
    assert entries[-1]["detail"] == REASON
    assert entries[-2]["type"] == "decision", "first the word, then what it did"
    assert entries[-1]["actor"] == entries[-2]["actor"]
    assert [reason for _, reason, _ in await told(operator, name)] == ["close"]


async def test_looking_again_is_now_and_is_history(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()

    assert (await decide(operator, name, "look_again")).status_code == 200

    assert [one.id for one in await world.ledger.tasks.claim([State.SUBMITTED], 1, HOUR)] == [id_of(name)]
    assert [reason for _, reason, _ in await told(operator, name)] == ["look_again"]


@pytest.mark.parametrize("decision", ["attach", "not_created", "close"])
async def test_a_task_that_waits_for_nobody_is_left_alone(
    world: World, acme: httpx.AsyncClient, operator: httpx.AsyncClient, decision: str
) -> None:
    name = (await submit(acme))["id"]
    before = await world.move(name, State.QUEUED)
    more = {"upstream_id": "vid_1"} if decision == "attach" else {}

    reply = await decide(operator, name, decision, **more)

    problem = refused(reply, 409, "state_conflict")
    assert (problem["state"], problem["parked"], problem["spend"]) == ("queued", None, "none")
    assert "queued and not parked" in problem["detail"]
    assert reply.headers["x-should-retry"] == "false"
    assert await world.task(name) == before


async def test_one_of_two_persons_decides_and_the_other_reads_how_it_is(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    admin = await world.client("ops", "admin")
    for _ in range(5):
        name = await in_doubt(prompt=f"kite {_}")
        replies = await asyncio.gather(
            decide(operator, name, "attach", upstream_id=f"vid_{name}"), decide(admin, name, "not_created")
        )
        assert sorted(reply.status_code for reply in replies) == [200, 409]
        [lost] = [reply for reply in replies if reply.status_code == 409]
        problem = refused(lost, 409, "state_conflict")
        assert problem["spend"] == (await world.task(name)).spend.value != "unknown"
        assert len(await told(operator, name)) == 1


async def test_a_decision_that_is_repeated_is_not_made_twice(
    operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()
    await decide(operator, name, "close")

    assert refused(await decide(operator, name, "close"), 409, "state_conflict")["state"] == "failed"
    assert len(await told(operator, name)) == 1


async def test_an_id_that_is_another_s_work_names_that_task(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    first, second = await in_doubt(), await in_doubt(prompt="another kite")
    await decide(operator, first, "attach", upstream_id="vid_77")

    problem = refused(await decide(operator, second, "attach", upstream_id="vid_77"), 409, "state_conflict")

    assert problem["held_by"] == first
    assert first in problem["detail"]
    assert (await world.task(second)).parked is Parked.OUTCOME_UNKNOWN
