"""A person decides over HTTP: who may, what about, and what everybody reads afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from schemas.lifecycle import Parked, Spend, State
from tasks_service import failpoints
from tasks_service.decisions import CLOSED_AS, Decision
from tasks_service.ledger.spend import Intention
from tests.tasks_service.api.conftest import World, id_of, refused, submit, wish

HOUR = timedelta(hours=1)
LONG_AGO = timedelta(hours=-1)
REASON = "seen in the provider's console"
InDoubt = Callable[..., Awaitable[str]]


@pytest.fixture
async def operator(world: World) -> httpx.AsyncClient:
    """Who may decide."""
    return await world.client("ops", "operator")


@pytest.fixture
def in_doubt(world: World, acme: httpx.AsyncClient) -> InDoubt:
    """A task that was sent, got no clear answer, and waits for a person."""

    async def bring(*, send_within: timedelta = LONG_AGO, parked: bool = True, **changes: Any) -> str:
        name = (await submit(acme, **changes))["id"]
        claimed = await world.ledger.tasks.claim([State.SUBMITTED], 100, timedelta(0))
        [task] = [one for one in claimed if one.id == id_of(name)]
        await world.ledger.spends.intend(task, Intention(send_within))
        await world.ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
        if parked:
            await world.ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, HOUR, "worker", None)
        return name

    return bring


async def decide(client: httpx.AsyncClient, name: str, decision: str, **more: Any) -> httpx.Response:
    body = {"decision": decision, "reason": REASON} | more
    return await client.post(f"/v1/tasks/{name}/decisions", json=body)


async def told(client: httpx.AsyncClient, name: str) -> list[tuple[str, str, str]]:
    entries = (await client.get(f"/v1/tasks/{name}/history")).json()["data"]
    return [(one["actor"], one["reason"], one["detail"]) for one in entries if one["type"] == "decision"]


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_those_who_operate_decide_for_every_account_and_are_named(
    world: World, in_doubt: InDoubt, role: str
) -> None:
    name, client = await in_doubt(), await world.client("ops", role)
    key = (await world.ledger.keys.all())[-1]["id"]

    reply = await decide(client, name, "attach", upstream_id="vid_77")

    assert reply.status_code == 200
    assert (reply.json()["id"], reply.json()["parked"]) == (name, None)
    assert (await world.task(name)).spend is Spend.CONFIRMED
    [(actor, decision, detail)] = await told(client, name)
    assert actor == f"person:{key}"
    assert (decision, detail) == ("attach", f"{REASON} (upstream id vid_77)")


@pytest.mark.parametrize("decision", Decision)
async def test_support_may_look_but_not_decide(
    world: World, in_doubt: InDoubt, staff: httpx.AsyncClient, decision: Decision
) -> None:
    name = await in_doubt()
    before = await world.task(name)

    problem = refused(await decide(staff, name, decision), 403, "forbidden")

    assert "support" in problem["detail"]
    assert (problem["role"], problem["allowed"]) == ("support", ["operator", "admin"])
    assert await world.task(name) == before


async def test_a_customer_may_not_decide_and_learns_nothing_of_others(
    world: World, acme: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    mine = await in_doubt()

    assert refused(await decide(acme, mine, "close"), 403, "forbidden")["role"] == "customer"
    stranger = await world.client("globex")
    theirs = refused(await decide(stranger, mine, "close"), 404, "not_found")
    absent = refused(await decide(stranger, "tsk_0123456789abcdefghjkmnpqrs", "close"), 404, "not_found")
    assert theirs["detail"] == absent["detail"]
    refused(await decide(await world.stranger(), mine, "close"), 401, "unauthenticated")


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
    due = attempt.send_deadline + timedelta(seconds=world.settings.submit_timeout_s)
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


async def test_everything_wrong_with_a_decision_is_said_at_once(
    operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()

    reply = await decide(operator, name, "attach", reason=" x ", reasons="typo")

    found = {one["pointer"]: one["code"] for one in refused(reply, 400, "malformed_request")["problems"]}
    assert found == {"/reason": "too_short", "/upstream_id": "required", "/reasons": "unknown_field"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"decision": "not-created", "reason": REASON}, "/decision"),
        ({"decision": 1, "reason": REASON}, "/decision"),
        ({"reason": REASON}, "/decision"),
        ({"decision": "close"}, "/reason"),
        ({"decision": "close", "reason": "    "}, "/reason"),
        ({"decision": "close", "reason": "a\nb\nc"}, "/reason"),
        ({"decision": "close", "reason": "\u202eabc"}, "/reason"),
        ({"decision": "close", "reason": "x" * 501}, "/reason"),
        ({"decision": "close", "reason": 123}, "/reason"),
        ({"decision": "close", "reason": REASON, "upstream_id": "vid_1"}, "/upstream_id"),
        ({"decision": "attach", "reason": REASON, "upstream_id": " "}, "/upstream_id"),
        ({"decision": "attach", "reason": REASON, "upstream_id": "a\x1b[2Jb"}, "/upstream_id"),
        ({"decision": "attach", "reason": REASON, "upstream_id": "x" * 256}, "/upstream_id"),
    ],
)
async def test_what_is_no_decision_is_refused_where_it_is_wrong(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt, body: dict[str, Any], pointer: str
) -> None:
    name = await in_doubt()
    before = await world.task(name)

    reply = await operator.post(f"/v1/tasks/{name}/decisions", json=body)

    [problem] = refused(reply, 400, "malformed_request")["problems"]
    assert problem["pointer"] == pointer
    if body.get("decision") == "not-created":
        assert problem["allowed"] == [decision.value for decision in Decision]
    assert await world.task(name) == before


@pytest.mark.parametrize("reason", ["上游后台查无此任务", "查过，　没有", "don't 👍"])
async def test_a_reason_may_be_in_any_language(
    operator: httpx.AsyncClient, in_doubt: InDoubt, reason: str
) -> None:
    name = await in_doubt()

    assert (await decide(operator, name, "close", reason=f"  {reason} ")).status_code == 200
    assert [detail for _, _, detail in await told(operator, name)] == [reason]


async def test_a_process_that_ends_before_or_after_the_statement_leaves_nothing_half_done(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()
    before = await world.task(name)

    async def breaks(point: str) -> None:
        raise failpoints.Injected(point)

    try:
        failpoints.arm("decide.before", breaks)
        assert (await decide(operator, name, "close")).status_code >= 500
        assert await world.task(name) == before
        failpoints.disarm()
        failpoints.arm("decide.committed", breaks)
        assert (await decide(operator, name, "close")).status_code >= 500
    finally:
        failpoints.disarm()
    assert (await world.task(name)).state is State.FAILED
    assert len(await told(operator, name)) == 1


@pytest.mark.parametrize(("parked", "next_"), [(True, "An operator"), (False, "asking the upstream")])
async def test_a_twin_of_unknown_outcome_refuses_and_says_why(
    acme: httpx.AsyncClient, in_doubt: InDoubt, parked: bool, next_: str
) -> None:
    name = await in_doubt(parked=parked)

    problem = refused(await acme.post("/v1/tasks", json=wish()), 409, "duplicate_task")

    assert (problem["reason"], problem["spend"]) == ("outcome_unknown", "unknown")
    assert problem["duplicate_of"]["id"] == name
    for words in (
        name,
        "may have been paid",
        next_,
        "allow_duplicate: true could pay for the same work twice",
    ):
        assert words in problem["detail"]


async def test_once_it_is_decided_the_twin_is_an_ordinary_one_or_none(
    acme: httpx.AsyncClient, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()
    await decide(operator, name, "attach", upstream_id="vid_1")
    assert "reason" not in refused(await acme.post("/v1/tasks", json=wish()), 409, "duplicate_task")

    other = await in_doubt(prompt="another kite")
    await decide(operator, other, "close")
    assert (await submit(acme, prompt="another kite"))["id"] != other


@pytest.mark.parametrize(("point", "accepted"), [("accept.before", 0), ("accept.committed", 1)])
async def test_an_accident_around_acceptance_loses_nothing_that_was_written(
    acme: httpx.AsyncClient, point: str, accepted: int
) -> None:
    async def breaks(point: str) -> None:
        raise failpoints.Injected(point)

    failpoints.arm(point, breaks)
    try:
        reply = await acme.post("/v1/tasks", json=wish(), headers={"Idempotency-Key": "k"})
    finally:
        failpoints.disarm()

    assert reply.status_code >= 500
    assert len((await acme.get("/v1/tasks")).json()["data"]) == accepted
    again = await acme.post("/v1/tasks", json=wish(), headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert (again.headers.get("idempotent-replayed") == "true") == bool(accepted)
