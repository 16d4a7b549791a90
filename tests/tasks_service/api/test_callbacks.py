"""Callbacks over HTTP: no key, one answer for every wrong address, a ring a second, and nothing is read."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import asyncpg
import httpx
import pytest

from schemas.lifecycle import Spend, State
from tasks_service.app import create_app
from tasks_service.artifacts import Artifacts
from tasks_service.callbacks import Callbacks
from tasks_service.ledger.ledger import Ledger
from tests.order import beating
from tests.tasks_service.api.conftest import HOUR, World, id_of, refused, settings_for, submit

BASE = "https://tasks.example.com"


@pytest.fixture
async def world(ledger: Ledger, dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    """The app, started, that upstreams can reach."""
    settings = settings_for(dsn, tmp_path, callback_base_url=BASE)
    app = create_app(settings)
    async with app.router.lifespan_context(app), AsyncExitStack() as opened:
        yield World(app, ledger, settings, opened)


@pytest.fixture
async def upstream(world: World) -> httpx.AsyncClient:
    """Whoever knows an address, and has no key."""
    return await world.stranger()


async def polled(world: World, acme: httpx.AsyncClient, **changes: object) -> str:
    """A task that its upstream has accepted."""
    name = (await submit(acme, **changes))["id"]
    claimed = await world.ledger.tasks.claim([State.SUBMITTED], 100, HOUR)
    [task] = [one for one in claimed if one.id == id_of(name)]
    await world.ledger.spends.intend(task)
    await world.ledger.spends.settle(task, 1, Spend.CONFIRMED, f"up_{name[-8:]}")
    await world.move(name, State.QUEUED)
    return name


async def path_of(world: World, name: str, attempt: int = 1) -> str:
    """Where the upstream of a task rings."""
    callbacks = Callbacks(BASE, Artifacts(world.settings.store))
    address = await callbacks.address((await world.task(name)).route, id_of(name), attempt)
    assert address is not None
    return address.removeprefix(BASE)


async def test_a_callback_needs_no_key_and_whatever_it_says_the_task_stays_as_it_is(
    world: World, acme: httpx.AsyncClient, upstream: httpx.AsyncClient
) -> None:
    name = await polled(world, acme)
    path = await path_of(world, name)
    before = await world.task(name)
    said = {"id": name, "status": "ready", "state": "done", "results": [{"url": "http://evil.test/"}]}
    for content in (None, b"", b"{", b"\x00\xff", b"x" * 60_000):
        reply = await upstream.post(path, content=content)
        assert (reply.status_code, reply.content) == (204, b"")
    assert (await upstream.post(path, json=said)).status_code == 204
    now = await world.task(name)
    assert (now.state, now.seq, now.claim) == (before.state, before.seq, before.claim)
    assert "evil" not in (await acme.get(f"/v1/tasks/{name}/history")).text


async def test_every_wrong_address_is_answered_like_a_path_that_is_not_there(
    world: World, acme: httpx.AsyncClient, upstream: httpx.AsyncClient
) -> None:
    name, later = await polled(world, acme), (await submit(acme, prompt="another"))["id"]
    path = await path_of(world, name)
    wrong = [
        path[:-1] + ("A" if path[-1] != "A" else "B"),
        path.replace("/sandbox/", "/kling/"),
        await path_of(world, name, attempt=2),
        await path_of(world, later),  # nothing was sent for it yet
        f"/v1/callbacks/sandbox/{name}",
        "/v1/callbacks/sandbox/x",
        "/v1/nowhere",
    ]
    replies = [await upstream.post(one, json={}) for one in wrong]
    bodies = [refused(reply, 404, "not_found") | {"request_id": ""} for reply in replies]
    assert all(body == bodies[-1] for body in bodies)


async def test_a_body_that_is_too_large_is_refused_and_rings_for_nobody(
    world: World, acme: httpx.AsyncClient, upstream: httpx.AsyncClient
) -> None:
    name = await polled(world, acme)
    path = await path_of(world, name)
    async with aclosing(world.ledger.tasks.rung()) as rung:
        assert await anext(rung) == ""
        refused(await upstream.post(path, content=b"x" * 65_537), 413, "body_too_large")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(rung), 1.5)


async def test_of_a_storm_the_ledger_hears_one_ring_a_second_and_the_last_one(
    world: World, acme: httpx.AsyncClient, upstream: httpx.AsyncClient
) -> None:
    path = await path_of(world, await polled(world, acme))
    heard: list[str] = []

    async def listen(begun: asyncio.Event) -> None:
        async with aclosing(world.ledger.tasks.rung()) as rung:
            async for notice in rung:
                begun.set()
                heard.append(notice)

    begun = asyncio.Event()
    listening = asyncio.create_task(listen(begun))
    await begun.wait()
    with beating(1) as seconds:
        replies = await asyncio.gather(*(upstream.post(path, json={}) for _ in range(1000)))
    await asyncio.sleep(2.5)
    after = len(heard)
    await asyncio.sleep(1.5)
    listening.cancel()

    assert {reply.status_code for reply in replies} == {204}
    assert 1 + 2 <= after <= 1 + len(seconds) + 2, "one at once, and one for all that came after it"
    assert len(heard) == after, "it goes on ringing"


async def test_a_ring_before_the_acceptance_is_on_record_is_no_error(
    world: World, acme: httpx.AsyncClient, upstream: httpx.AsyncClient
) -> None:
    name = (await submit(acme))["id"]
    [task] = await world.ledger.tasks.claim([State.SUBMITTED], 100, HOUR)
    await world.ledger.spends.intend(task)
    before = await world.task(name)

    assert (await upstream.post(await path_of(world, name))).status_code == 204
    assert await world.task(name) == before


async def test_while_the_store_is_away_an_upstream_is_told_to_come_again(
    world: World, acme: httpx.AsyncClient, upstream: httpx.AsyncClient
) -> None:
    path = await path_of(world, await polled(world, acme))
    folder = world.settings.data_folder / "artifacts"
    shutil.rmtree(folder)
    folder.write_text("no folder any more")

    reply = await upstream.post(path)
    refused(reply, 503, "overloaded")
    assert reply.headers["retry-after"]


async def test_where_no_base_address_is_set_no_address_is_one(
    world: World, acme: httpx.AsyncClient, dsn: str
) -> None:
    path = await path_of(world, await polled(world, acme))
    app = create_app(settings_for(dsn, world.settings.data_folder))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as upstream,
    ):
        refused(await upstream.post(path), 404, "not_found")
        refused(await upstream.get(path), 405, "method_not_allowed")


async def test_the_document_says_that_no_key_is_needed(world: World, acme: httpx.AsyncClient) -> None:
    paths = (await acme.get("/openapi.json")).json()["paths"]
    operation = paths["/v1/callbacks/{route}/{token}"]["post"]

    assert operation["security"] == []
    assert {"204", "404", "413", "503"} <= operation["responses"].keys()
    assert paths["/v1/tasks"]["post"]["security"] == [{"api_key": []}]


async def test_who_rings_while_the_ledger_is_slow_takes_one_of_its_connections_and_no_more(
    world: World, acme: httpx.AsyncClient, upstream: httpx.AsyncClient, dsn: str
) -> None:
    name = await polled(world, acme)
    path, other, onlooker = await path_of(world, name), await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%task_rung%'"
    )
    held = other.transaction()
    await held.start()
    await other.execute("SELECT FROM task WHERE id = $1 FOR UPDATE", id_of(name))
    rings: list[asyncio.Task[httpx.Response]] = []
    for _ in range(4):
        rings.append(asyncio.create_task(upstream.post(path)))
        await asyncio.sleep(0.8)
    stuck = await onlooker.fetchval(waiting)
    await held.rollback()
    async with asyncio.timeout(20):
        assert {(await one).status_code for one in rings} == {204}
    await other.close()
    await onlooker.close()

    assert stuck == 1
