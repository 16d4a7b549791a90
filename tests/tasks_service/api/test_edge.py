"""What holds for every answer, whatever the path."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tasks_service.app import create_app
from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.api.conftest import World, refused, settings_for, submit, wish


@pytest.mark.parametrize("path", ["/v1/tasks", "/nowhere", "/healthz", "/v1/tasks/x", "/openapi.json"])
async def test_every_answer_has_a_request_id_and_guards(
    world: World, acme: httpx.AsyncClient, path: str
) -> None:
    seen = {(await acme.get(path)).headers["x-request-id"] for _ in range(3)}
    assert len(seen) == 3
    headers = (await acme.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize("given", ["a", "req-1.2:3_4@5/6+7=", "x" * 128])
async def test_a_safe_request_id_is_kept(acme: httpx.AsyncClient, given: str) -> None:
    reply = await acme.get("/v1/tasks/x", headers={"X-Request-Id": given})
    assert reply.headers["x-request-id"] == reply.json()["request_id"] == given


@pytest.mark.parametrize(
    "given", [b"", b"x" * 129, b"a b", b"a\nb", b"a\x00b", b"<script>", "é".encode(), b'a"b']
)
async def test_an_unsafe_request_id_is_replaced(acme: httpx.AsyncClient, given: bytes) -> None:
    reply = await acme.get("/v1/tasks", headers={"X-Request-Id": given})
    assert reply.headers["x-request-id"].startswith("req_")
    twice = await acme.get("/v1/tasks", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    assert twice.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/tasks/", "/v1/task", "/docs", "/redoc", "/v2/tasks", "//v1/tasks"]
)
async def test_unknown_paths_are_problems(acme: httpx.AsyncClient, path: str) -> None:
    refused(await acme.get(httpx.URL(f"http://api{path}")), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/tasks", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/v1/tasks/x", "GET, HEAD, OPTIONS"),
        ("PATCH", "/v1/tasks/x", "GET, HEAD, OPTIONS"),
        ("POST", "/v1/tasks/x", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/tasks/x/cancel", "OPTIONS, POST"),
        ("HEAD", "/v1/tasks/x/cancel", "OPTIONS, POST"),
        ("PUT", "/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
async def test_another_method_is_told_which_ones_there_are(
    acme: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    reply = await acme.request(method, path)
    assert (reply.status_code, reply.headers["allow"]) == (405, allow)
    if method != "HEAD":
        refused(reply, 405, "method_not_allowed")


async def test_options_names_the_methods(acme: httpx.AsyncClient) -> None:
    reply = await acme.options("/v1/tasks", headers={"Origin": "https://evil.test"})
    assert (reply.status_code, reply.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "access-control-allow-origin" not in reply.headers


async def test_head_is_get_without_the_body(acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    for path in (
        "/v1/tasks",
        f"/v1/tasks/{task['id']}",
        "/v1/models",
        "/healthz",
        "/openapi.json",
        "/v1/tasks/x",
    ):
        whole, head = await acme.get(path), await acme.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
        assert head.headers.get("etag") == whole.headers.get("etag")


async def test_an_accident_tells_nothing_but_its_request_id(world: World, acme: httpx.AsyncClient) -> None:
    async def break_down(*_: Any) -> None:
        raise KeyError("postgresql://user:hunter2@db/ledger")

    world.app.state.service.admission._admit = break_down
    with capture_logs() as lines:
        reply = await acme.post("/v1/tasks", json=wish(), headers={"X-Request-Id": "mine"})
    problem = refused(reply, 500, "internal_error")
    assert problem["request_id"] == "mine"
    assert "hunter2" not in reply.text
    assert "KeyError" not in reply.text
    (broke,) = [line for line in lines if line["event"] == "request_broke"]
    assert isinstance(broke["exc_info"], KeyError)


async def test_too_much_at_once_is_refused_before_anything_is_written(
    ledger: Ledger, dsn: str, tmp_path: Path
) -> None:
    app = create_app(settings_for(dsn, tmp_path, max_in_flight=8))
    async with app.router.lifespan_context(app), AsyncExitStack() as opened:
        acme = await World(app, ledger, app.state.service.settings, opened).client()
        await _flood(acme)


async def test_a_full_house_still_tells_how_it_is(ledger: Ledger, dsn: str, tmp_path: Path) -> None:
    app = create_app(settings_for(dsn, tmp_path, max_in_flight=1))
    async with app.router.lifespan_context(app), AsyncExitStack() as opened:
        world = World(app, ledger, app.state.service.settings, opened)
        acme, held = await world.client(), asyncio.Event()
        service = app.state.service
        service.admission._admit = lambda *_: held.wait()
        posts = [asyncio.create_task(acme.post("/v1/tasks", json=wish())) for _ in range(3)]
        await asyncio.sleep(0.5)
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await acme.get(path)).status_code == 200
        refused(await acme.get("/v1/models"), 503, "overloaded")
        for post in posts:
            post.cancel()
        await asyncio.gather(*posts, return_exceptions=True)


async def _flood(acme: httpx.AsyncClient) -> None:
    posts = [acme.post("/v1/tasks", json=wish(prompt=f"kite {n}")) for n in range(200)]
    replies = await asyncio.gather(*posts)
    accepted = [reply.json()["id"] for reply in replies if reply.status_code == 202]
    shed = [reply for reply in replies if reply.status_code == 503]
    assert len(accepted) + len(shed) == 200
    assert accepted
    assert shed
    for reply in shed:
        refused(reply, 503, "overloaded")
        assert int(reply.headers["retry-after"]) >= 1
    listed = (await acme.get("/v1/tasks?limit=200")).json()["data"]
    assert {task["id"] for task in listed} == set(accepted)


async def test_metrics_and_lines_know_routes_and_not_addresses(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    with capture_logs() as lines:
        await acme.get(f"/v1/tasks/{task['id']}?wait=0", headers={"X-Request-Id": "abc"})
        await acme.request("PROPFIND", "/evil/path/stolen-word")
        await acme.get("/healthz")
    told = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in told] == [
        ("/v1/tasks/{task_id}", 200),
        ("unmatched", 404),
    ]
    assert told[0]["task_id"] == task["id"]
    text = (await acme.get("/metrics")).text
    assert 'creative_tasks_http_requests_total{method="GET",route="/v1/tasks/{task_id}",status="200"}' in text
    assert 'creative_tasks_http_requests_total{method="other",route="unmatched",status="404"}' in text
    assert 'creative_tasks_tasks_accepted_total{model="sandbox-video-1"}' in text
    assert "stolen-word" not in text
    assert task["id"] not in text
