"""The same work is asked for again, a short while after it ended."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Spend, State
from tasks_service.app import create_app
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move
from tests.tasks_service.api.conftest import World, refused, settings_for, submit, wish

RETRY = {"x-stainless-retry-count": "1"}


async def told_of(client: httpx.AsyncClient, name: str) -> list[tuple[str, str]]:
    """What a task's history says of duplicates that were allowed."""
    told = (await client.get(f"/v1/tasks/{name}/history")).json()["data"]
    notes = [one for one in told if one["type"] == "note"]
    return [(note["reason"], note["detail"]) for note in notes]


async def paid_and_failed(world: World, client: httpx.AsyncClient, kind: FailureKind) -> str:
    """A task that its upstream took and that then failed."""
    name = (await submit(client))["id"]
    [task] = await world.ledger.tasks.claim([State.SUBMITTED], 1, timedelta(minutes=1))
    await world.ledger.spends.intend(task)
    await world.ledger.spends.settle(task, 1, Spend.CONFIRMED, "up_1")
    move = Move(State.FAILED, "worker", "polled", upstream_id="up_1", failure=Failure(kind, "it broke"))
    await world.ledger.tasks.advance(task, move)
    return name


async def test_a_result_that_is_there_is_named_instead_of_made_again(
    world: World, acme: httpx.AsyncClient
) -> None:
    first = await submit(acme)
    await world.finish(first["id"])

    reply = await acme.post("/v1/tasks", json=wish(duration_s=5, external_id="another order"))

    problem = refused(reply, 409, "duplicate_task")
    twin = problem["duplicate_of"]
    ended = await world.task(first["id"])
    assert (twin["id"], twin["state"], twin["created_at"]) == (first["id"], "downloaded", first["created_at"])
    assert ended.downloaded_at is not None
    assert twin["ended_at"][:19] == ended.downloaded_at.isoformat()[:19]
    assert 0 <= twin["age_s"] < 30
    assert reply.headers["x-should-retry"] == "false"
    assert "Use its result, or send allow_duplicate: true to pay for a second" in problem["detail"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FailureKind.UPSTREAM_INTERNAL, "may have been paid"),
        (FailureKind.CONTENT_POLICY_OUTPUT, "may have been paid"),
        (FailureKind.ARTIFACT_LOST, "was paid"),
    ],
)
async def test_a_failure_that_may_have_cost_money_is_told_before_it_can_cost_it_again(
    world: World, acme: httpx.AsyncClient, kind: FailureKind, words: str
) -> None:
    name = await paid_and_failed(world, acme, kind)

    problem = refused(await acme.post("/v1/tasks", json=wish()), 409, "duplicate_task")

    assert (problem["duplicate_of"]["id"], problem["duplicate_of"]["state"]) == (name, "failed")
    for expected in (kind.value, words, "allow_duplicate: true could pay for the same work twice"):
        assert expected in problem["detail"]


async def test_what_failed_for_free_may_be_asked_for_again_at_once(
    world: World, acme: httpx.AsyncClient
) -> None:
    refused_upstream = await submit(acme)
    await world.move(refused_upstream["id"], State.FAILED)
    canceled = await submit(acme)
    await acme.post(f"/v1/tasks/{canceled['id']}/cancel")

    assert (await submit(acme))["id"] not in (refused_upstream["id"], canceled["id"])


async def test_a_window_of_nothing_switches_it_off(ledger: Ledger, dsn: str, tmp_path: Path) -> None:
    settings = settings_for(dsn, tmp_path, duplicate_window_s=0)
    app = create_app(settings)
    async with app.router.lifespan_context(app), AsyncExitStack() as opened:
        world = World(app, ledger, settings, opened)
        acme = await world.client("acme")
        first = await submit(acme)
        await world.finish(first["id"])

        assert (await submit(acme))["id"] != first["id"]


async def test_an_allowed_duplicate_says_of_which_task(world: World, acme: httpx.AsyncClient) -> None:
    first = await submit(acme, allow_duplicate=True)
    assert await told_of(acme, first["id"]) == [], "there was nothing to override"
    second = await submit(acme, allow_duplicate=True)
    assert await told_of(acme, second["id"]) == [("duplicate_allowed", f"the same work as {first['id']}")]

    await world.finish(second["id"])
    await world.move(first["id"], State.FAILED)
    third = await submit(acme, allow_duplicate=True)

    assert await told_of(acme, third["id"]) == [("duplicate_allowed", f"the same work as {second['id']}")]
    assert (await world.task(third["id"])).duplicate_allowed


async def test_a_librarys_own_retry_gets_the_task_that_has_just_ended(
    world: World, acme: httpx.AsyncClient
) -> None:
    first = await submit(acme)
    await world.finish(first["id"])

    again = await acme.post("/v1/tasks", json=wish(), headers=RETRY)
    refiled = await acme.post("/v1/tasks", json=wish(external_id="another order"), headers=RETRY)

    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert (again.json()["id"], again.json()["state"]) == (first["id"], "downloaded")
    refused(refiled, 409, "duplicate_task")


async def test_a_librarys_own_retry_of_an_allowed_duplicate_does_not_pay_for_a_third(
    acme: httpx.AsyncClient,
) -> None:
    first = await submit(acme)
    second = await submit(acme, allow_duplicate=True)

    again = await acme.post("/v1/tasks", json=wish(allow_duplicate=True), headers=RETRY)
    on_purpose = await submit(acme, allow_duplicate=True)

    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (second["id"], "true")
    assert len({first["id"], second["id"], on_purpose["id"]}) == 3


async def test_a_key_is_replayed_after_the_end_before_anybody_speaks_of_twins(
    world: World, acme: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "k"}
    first = (await acme.post("/v1/tasks", json=wish(), headers=headers)).json()
    await world.finish(first["id"])

    replies = await asyncio.gather(*(acme.post("/v1/tasks", json=wish(), headers=headers) for _ in range(8)))

    assert {(reply.status_code, reply.json()["id"]) for reply in replies} == {(202, first["id"])}


async def test_strangers_meet_no_ended_twin(world: World, acme: httpx.AsyncClient) -> None:
    first = await submit(acme)
    await world.finish(first["id"])

    assert (await submit(await world.client("globex")))["id"] != first["id"]
