"""The OpenAPI document says what is true: everything that it allows is tried."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig

from tasks_service.api.protocol import Protocol
from tasks_service.app import create_app
from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.api.conftest import World, settings_for, submit
from tests.tasks_service.api.test_isolation import routes

load_all_checks()

UNMISTAKABLE = {"GET /healthz", "GET /readyz", "GET /metrics"}


@dataclass
class Server:
    """The app on a real socket in a thread with a loop of its own."""

    url: str
    key: str


@pytest.fixture
def server(dsn: str, tmp_path: Path) -> Iterator[Server]:
    """A running server with a customer."""
    # Nothing may be held, so that `wait` can be anything and nobody waits.
    app = create_app(settings_for(dsn, tmp_path, max_waiting=0))
    config = uvicorn.Config(
        app, port=0, http=Protocol, log_config=None, access_log=False, lifespan="on", ws="none"
    )
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(target=uvicorn_server.run)
    thread.start()
    while not uvicorn_server.started:
        assert thread.is_alive()
    port = uvicorn_server.servers[0].sockets[0].getsockname()[1]
    yield Server(f"http://127.0.0.1:{port}", asyncio.run(_new_key(dsn)))
    uvicorn_server.should_exit = True
    thread.join(15)


async def _new_key(dsn: str) -> str:
    ledger = await Ledger.connect(dsn)
    try:
        return await ledger.keys.new("acme")
    finally:
        await ledger.close()


async def test_every_route_and_refusal_is_documented(world: World) -> None:
    document = (await (await world.stranger()).get("/openapi.json")).json()
    documented = {
        f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations
    }
    assert documented == routes_documented()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == path.startswith("/v1/")
            assert "HTTPValidationError" not in str(operation)
            if path.startswith("/v1/"):
                assert {"400", "401", "403", "500", "503"} <= operation["responses"].keys()
    assert document["components"]["schemas"]["TaskRequest"]["additionalProperties"] is False
    assert set(document["paths"]["/v1/tasks"]["post"]["responses"]) >= {"200", "202", "409", "413", "422"}


@pytest.mark.parametrize(
    ("mode", "expected", "skipped"),
    [
        (GenerationMode.POSITIVE, {200, 202, 404, 422, 429}, set[str]()),
        # Nothing can be given wrongly there.
        (GenerationMode.NEGATIVE, {400}, UNMISTAKABLE),
    ],
)
def test_whatever_is_asked_is_answered_as_documented(
    server: Server, mode: GenerationMode, expected: set[int], skipped: set[str]
) -> None:
    config = SchemathesisConfig()
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        made = a_task(client)
    seen = {
        operation.ok().label: try_it(operation.ok(), headers, mode, made)
        for operation in schema.get_all_operations()
    }
    assert seen.keys() == set(routes_documented())
    assert {label for label, statuses in seen.items() if not statuses} == skipped
    assert set[int]().union(*seen.values()) >= expected


def routes_documented() -> set[str]:
    return {route.replace(":path", "") for route in routes()}


def a_task(client: httpx.Client) -> str:
    reply = client.post("/v1/tasks", json={"model": "sandbox-video-1", "prompt": "x"})
    return str(reply.json()["id"])


def try_it(operation: Any, headers: dict[str, str], mode: GenerationMode, made: str) -> set[int]:
    names = (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "ignored_auth",
    )
    checks = schemathesis.checks.CHECKS.get_by_names(names)
    turn = 0
    seen: set[int] = set()

    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        nonlocal turn
        turn += 1
        # Every other time the path names a task that exists.
        if turn % 2 and "task_id" in (case.path_parameters or {}):
            case.path_parameters["task_id"] = made
        if turn % 2 and isinstance(case.body, dict) and case.operation.path == "/v1/tasks":
            case.body["model"] = "sandbox-video-1"
        reply = case.call_and_validate(headers=headers, checks=checks, timeout=10)
        seen.add(reply.status_code)

    # Some operations have nothing that could be given wrongly.
    with suppress(Unsatisfiable):
        run()
    return seen


async def test_a_task_is_as_documented(world: World, acme: httpx.AsyncClient) -> None:
    document = (await acme.get("/openapi.json")).json()
    schema = document["components"]["schemas"]["TaskView"]
    task = await submit(acme)
    assert task.keys() == schema["properties"].keys() == set(schema["required"])
