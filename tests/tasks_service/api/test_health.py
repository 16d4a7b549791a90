"""Alive, ready, and what happens while PostgreSQL is away."""

import asyncio
import os
import shutil
import signal
import tempfile
from pathlib import Path

import httpx
import pytest

from tasks_service.app import create_app
from tasks_service.embedded import start_postgres
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import migrate
from tests.tasks_service.api.conftest import World, refused, settings_for, wish

KEY = {"Authorization": "Bearer ct_live_abcdefgh_" + "x" * 43}


async def test_a_whole_system_is_ready(world: World) -> None:
    client = await world.stranger()
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert ready.json() == {"ready": True, "checks": {"postgresql": "ok", "store": "ok"}}


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:hunter2@127.0.0.1:1/db", "postgresql://u:hunter2@/db?host=/nowhere"]
)
async def test_the_api_starts_and_says_503_while_postgresql_is_away(dsn: str, tmp_path: Path) -> None:
    app = create_app(settings_for(dsn, tmp_path))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=KEY) as client,
    ):
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert "postgresql" in refused(ready, 503, "overloaded")["checks"]
        for reply in (await client.post("/v1/tasks", json=wish()), await client.get("/v1/tasks"), ready):
            refused(reply, 503, "overloaded")
            assert int(reply.headers["retry-after"]) >= 1
            assert "hunter2" not in reply.text


async def test_a_database_that_is_not_migrated_is_not_ready(dsn: str, tmp_path: Path) -> None:
    empty = dsn.replace(dsn.split("?")[0].rsplit("/", 1)[1], "postgres", 1)
    app = create_app(settings_for(empty, tmp_path))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=KEY) as client,
    ):
        refused(await client.get("/readyz"), 503, "overloaded")
        refused(await client.get("/v1/tasks"), 503, "overloaded")


async def test_the_api_recovers_when_its_connections_were_cut(world: World, ledger: Ledger) -> None:
    client = await world.client()
    assert (await client.post("/v1/tasks", json=wish())).status_code == 202
    await cut_connections(ledger)
    for _ in range(20):
        reply = await client.get("/v1/tasks")
        assert reply.status_code in (200, 503)
        if reply.status_code == 200:
            break
        await asyncio.sleep(0.1)
    assert len(reply.json()["data"]) == 1


async def test_asking_often_costs_the_ledger_little(world: World) -> None:
    asked = 0
    months = world.app.state.service.ledger.months
    revision = months.revision

    async def counted() -> str | None:
        nonlocal asked
        asked += 1
        return await revision()

    months.revision = counted
    client = await world.stranger()
    replies = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
    assert {reply.status_code for reply in replies} == {200}
    assert asked == 1


async def test_a_frozen_postgresql_is_not_waited_for(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="creative-tasks-frozen-"))
    folder.chmod(0o711)
    server = await asyncio.to_thread(start_postgres, folder / "postgres", throwaway=True)
    try:
        await migrate(server.dsn)
        app = create_app(settings_for(server.dsn, tmp_path))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api", headers=KEY) as client,
        ):
            await _freeze_and_thaw(client, server.pid)
    finally:
        server.discard()
        shutil.rmtree(folder, ignore_errors=True)


async def _freeze_and_thaw(client: httpx.AsyncClient, pid: int) -> None:
    assert (await client.get("/readyz")).status_code == 200
    await asyncio.sleep(1.1)
    family = [pid, *children(pid)]
    try:
        for member in family:
            os.kill(member, signal.SIGSTOP)
        for _ in range(2):
            # Whoever probes does not wait for ever, and would take no answer for the worst one.
            async with asyncio.timeout(3.5):
                replies = await asyncio.gather(*(client.get("/readyz") for _ in range(3)))
            for reply in replies:
                checks = refused(reply, 503, "overloaded")["checks"]
                assert checks == {"postgresql": "unreachable (TimeoutError)", "store": "ok"}
    finally:
        for member in family:
            os.kill(member, signal.SIGCONT)
    for _ in range(100):
        ready = await client.get("/readyz")
        if ready.status_code == 200:
            break
        await asyncio.sleep(0.1)
    assert ready.status_code == 200


def children(pid: int) -> list[int]:
    """PostgreSQL's processes are each in a group of their own."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


async def cut_connections(ledger: Ledger) -> None:
    pool = ledger._database._executor
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
