"""Who may decide over HTTP, and for whom."""

import httpx
import pytest

from schemas.lifecycle import Spend
from tasks_service.decisions import Decision
from tests.tasks_service.api.conftest import InDoubt, World, refused
from tests.tasks_service.api.person import REASON, decide, told


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
