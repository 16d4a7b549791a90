"""Tenants: every route, a stranger's task and one that is not there."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from schemas.lifecycle import State
from tasks_service.app import ROUTERS
from tests.tasks_service.api.conftest import World, refused, submit, wish

ABSENT = "tsk_0123456789abcdefghjkmnpqrs"

# Every route is here with what it needs; one that is missing fails the test below.
ABOUT_A_TASK: dict[str, str] = {
    "GET /v1/tasks/{task_id}": "",
    "GET /v1/tasks/{task_id}/history": "/history",
    "GET /v1/tasks/{task_id}/bundle": "/bundle",
    "GET /v1/tasks/{task_id}/artifacts/{n}": "/artifacts/0",
    "POST /v1/tasks/{task_id}/cancel": "/cancel",
    "POST /v1/tasks/{task_id}/decisions": "/decisions",
    "POST /v1/tasks/{task_id}/erasure": "/erasure",
}
# What a customer sees of a group that others are in too says test_failures.
ABOUT_A_GROUP: dict[str, str] = {
    "GET /v1/failures/{group}": "",
    "POST /v1/failures/{group}/state": "/state",
    "GET /v1/failures/{group}/article": "/article",
}
NO_GROUP = f"v1:{'0' * 20}"
ABOUT_AN_ACCOUNT: dict[str, tuple[str, Any]] = {
    "POST /v1/tasks": ("/v1/tasks", wish(prompt="mine")),
    "GET /v1/tasks": ("/v1/tasks", None),
    "POST /v1/tasks/lookup": ("/v1/tasks/lookup", {"ids": [ABSENT]}),
    # What is no image is refused; what an account has there says test_files.
    "POST /v1/files": ("/v1/files", None),
    "GET /v1/files/{file_id}": (f"/v1/files/file_{'0' * 64}", None),
    "GET /v1/failures": ("/v1/failures", None),
    "GET /v1/models": ("/v1/models", None),
    "POST /v1/explain": ("/v1/explain", {"body": "insufficient balance", "http_status": 403}),
    "GET /v1/models/{model:path}": ("/v1/models/sandbox-video-1", None),
}
# About the instance: no account and no task is behind them.
ABOUT_THE_WHOLE = {"GET /v1/quarantine", "POST /v1/quarantine/release"}
# Without a key: the address itself is the proof, and says of which task. See test_callbacks.
RUNG = {"POST /v1/callbacks/{route}/{token}"}
OPEN = {"GET /healthz": "/healthz", "GET /readyz": "/readyz", "GET /metrics": "/metrics"}


def routes() -> Iterator[str]:
    for router in ROUTERS:
        for route in router.routes:
            yield from (f"{method} {route.path}" for method in route.methods)  # type: ignore[attr-defined]


def test_every_route_is_in_the_matrix() -> None:
    assert set(routes()) == {*ABOUT_A_TASK, *ABOUT_A_GROUP, *ABOUT_AN_ACCOUNT, *ABOUT_THE_WHOLE, *RUNG, *OPEN}


@pytest.mark.parametrize("route", ABOUT_A_TASK)
@pytest.mark.parametrize("finished", [False, True])
async def test_a_strangers_task_is_answered_like_none(
    world: World, acme: httpx.AsyncClient, route: str, finished: bool
) -> None:
    theirs = await submit(await world.client("globex"))
    if finished:
        await world.finish(theirs["id"])
    method, ending = route.split()[0], ABOUT_A_TASK[route]
    before = await world.task(theirs["id"])
    answers: list[tuple[Any, ...]] = []
    for name in (theirs["id"], ABSENT):
        reply = await acme.request(method, f"/v1/tasks/{name}{ending}")
        body = refused(reply, 404, "not_found")
        headers = {k: v for k, v in reply.headers.items() if k != "x-request-id"}
        answers.append(({k: v for k, v in body.items() if k != "request_id"}, headers.keys()))
    assert answers[0] == answers[1]
    assert await world.task(theirs["id"]) == before


@pytest.mark.parametrize("route", ABOUT_A_GROUP)
async def test_a_strangers_group_is_answered_like_none(
    world: World, acme: httpx.AsyncClient, route: str
) -> None:
    theirs = await submit(await world.client("globex"))
    group = (await world.move(theirs["id"], State.FAILED)).failure_group
    answers: list[tuple[Any, ...]] = []
    for name in (group, NO_GROUP):
        reply = await acme.request(route.split()[0], f"/v1/failures/{name}{ABOUT_A_GROUP[route]}")
        body = refused(reply, 404, "not_found")
        headers = {k: v for k, v in reply.headers.items() if k != "x-request-id"}
        answers.append(({k: v for k, v in body.items() if k != "request_id"}, headers.keys()))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("role", ["support", "operator", "admin"])
@pytest.mark.parametrize("route", ABOUT_A_TASK)
async def test_staff_reaches_every_task(world: World, acme: httpx.AsyncClient, route: str, role: str) -> None:
    task = await submit(acme)
    if "artifacts" in route:
        await world.finish(task["id"])
    client = await world.client("ops", role)
    reply = await client.request(route.split()[0], f"/v1/tasks/{task['id']}{ABOUT_A_TASK[route]}")
    # A decision needs a body, which only those who may decide are asked for.
    decided = {403} if role == "support" else {400}
    by_deciders = route.endswith(("decisions", "erasure"))
    assert reply.status_code in (decided if by_deciders else {200, 202})


@pytest.mark.parametrize("role", ["customer", "support", "operator", "admin"])
@pytest.mark.parametrize("route", ABOUT_AN_ACCOUNT)
async def test_no_answer_about_an_account_names_anothers_task(world: World, route: str, role: str) -> None:
    globex = await world.client("globex")
    theirs = await submit(globex, prompt="secret kite", external_id="secret-order")
    await world.move((await submit(globex, prompt="another kite"))["id"], State.FAILED)
    client = await world.client("acme", role)
    path, body = ABOUT_AN_ACCOUNT[route]
    reply = await client.request(route.split()[0], path, json=body)
    assert reply.status_code in ({404, 422} if "files" in route else {200, 202})
    staff_list = role != "customer" and route == "GET /v1/tasks"
    assert (theirs["id"] in reply.text) == staff_list
    staff_groups = role != "customer" and route == "GET /v1/failures"
    assert ("no kites" in reply.text) == (staff_list or staff_groups)
    assert ("secret" in reply.text) == staff_list


@pytest.mark.parametrize("route", [*ABOUT_A_TASK, *ABOUT_A_GROUP, *ABOUT_AN_ACCOUNT])
async def test_everything_under_v1_needs_a_key(world: World, acme: httpx.AsyncClient, route: str) -> None:
    task = await submit(acme)
    method = route.split()[0]
    known = ABOUT_AN_ACCOUNT.get(route)
    about = (
        f"/v1/failures/{NO_GROUP}{ABOUT_A_GROUP[route]}"
        if route in ABOUT_A_GROUP
        else f"/v1/tasks/{task['id']}{ABOUT_A_TASK.get(route)}"
    )
    path, body = known or (about, None)
    stranger = await world.stranger()
    refused(await stranger.request(method, path, json=body), 401, "unauthenticated")


@pytest.mark.parametrize("path", OPEN.values())
async def test_health_needs_no_key_and_names_no_customer(
    world: World, acme: httpx.AsyncClient, path: str
) -> None:
    task = await submit(acme, prompt="secret kite")
    reply = await (await world.stranger()).get(path)
    assert reply.status_code == 200
    assert not any(hidden in reply.text for hidden in (task["id"], "acme", "secret kite"))
