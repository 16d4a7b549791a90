"""The real app over a real PostgreSQL, reached through ASGI; and ways to move its tasks along."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from schemas.failures import Failure, FailureKind
from schemas.ids import parse_task_id
from schemas.lifecycle import Parked, Spend, State
from schemas.routes import Route
from schemas.task import Artifact, Task
from tasks_service.app import create_app
from tasks_service.artifacts import key_for
from tasks_service.ledger.history import Call
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.spend import Intention
from tasks_service.ledger.tasks import Move
from tasks_service.settings import Settings
from tests.conftest import TEMPLATE, dsn_for
from tests.tasks_service.api.wire import Running, serving

ROUTES = (
    Route(name="sandbox", provider="sandbox", base_url="http://127.0.0.1:1"),
    Route(name="secret-gateway", provider="openai_videos", base_url="http://127.0.0.1:1"),
    Route(name="kling", provider="kling", base_url="http://127.0.0.1:1"),
)
FILE = bytes(range(256)) * 40
HOUR = timedelta(hours=1)
LONG_AGO = timedelta(hours=-1)
ANSWERED_WITHIN = timedelta(seconds=120)
InDoubt = Callable[..., Awaitable[str]]


def wish(**changes: Any) -> dict[str, Any]:
    """A request that is accepted."""
    return {"model": "sandbox-video-1", "prompt": "a red kite over the sea"} | changes


def settings_for(dsn: str, folder: Path, **changes: Any) -> Settings:
    """Settings of a test."""
    known = {"DATABASE_URL": SecretStr(dsn), "routes": ROUTES, "data_folder": folder}
    return Settings(**(known | changes))


@dataclass
class World:
    """The app, its ledger, and clients of several accounts."""

    app: FastAPI
    ledger: Ledger
    settings: Settings
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def client(self, account: str = "acme", role: str = "customer") -> httpx.AsyncClient:
        """A client with a new key."""
        key = await self.ledger.keys.new(account, role)
        return await self.stranger({"Authorization": f"Bearer {key}"})

    async def stranger(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        """A client without a key."""
        transport = httpx.ASGITransport(self.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers, timeout=30)
        return await self._open.enter_async_context(client)

    async def task(self, name: str) -> Task:
        """A task as the ledger knows it."""
        found = await self.ledger.tasks.get(id_of(name))
        assert found is not None
        return found

    async def move(self, name: str, *states: State) -> Task:
        """Lead a task along."""
        task = await self.task(name)
        for state in states:
            wait = None if state.final else timedelta(seconds=5)
            failure = Failure(FailureKind.CONTENT_POLICY_INPUT, "no kites", "E451", 400, "up-1")
            move = Move(
                state,
                "worker",
                "polled",
                wait,
                upstream_id=f"up_{name[-8:]}",
                failure=failure if state is State.FAILED else None,
            )
            task = await self.ledger.tasks.advance(task, move)
        return task

    async def finish(self, name: str, content: bytes = FILE, media_type: str = "video/mp4") -> Artifact:
        """Have a task's file stored."""
        task = await self.move(name, State.QUEUED, State.RUNNING, State.DONE)
        digest = hashlib.sha256(content).hexdigest()
        key = key_for(task.id, 0, digest, media_type)
        source = self.settings.data_folder / f"{digest}.part"
        source.write_bytes(content)
        await self.app.state.service.artifacts.put(key, source)
        artifact = Artifact(0, key, media_type, len(content), digest, 640, 360, 5.0)
        await self.ledger.history.keep(task.id, [artifact])
        await self.move(name, State.DOWNLOADED)
        return artifact

    async def record(self, name: str, **changes: Any) -> None:
        """Put an exchange with the upstream on record."""
        given: dict[str, Any] = {
            "id": uuid7(),
            "purpose": "poll",
            "attempt": 1,
            "route": "sandbox",
            "method": "GET",
            "path": "/sandbox/v1/jobs/1",
            "sent_at": datetime.now(UTC),
            "latency_ms": 12,
            "status": 200,
            "trouble": None,
            "upstream_request_id": "up-7",
            "answer_sha256": b"x" * 32,
            "body": '{"url": "https://cdn.upstream.test/film.mp4", "status": "ready"}',
        }
        await self.ledger.history.record(id_of(name), [Call(**(given | changes))])


@pytest.fixture
async def world(ledger: Ledger, dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    """The app, started."""
    settings = settings_for(dsn, tmp_path)
    app = create_app(settings)
    async with app.router.lifespan_context(app), AsyncExitStack() as opened:
        yield World(app, ledger, settings, opened)


@pytest.fixture(scope="module")
def wire(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A real server on a real socket, shared by the tests of a file."""
    name = f"wire_{uuid4().hex}"
    asyncio.run(_administer(server_dsn, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"))
    with serving(dsn_for(server_dsn, name), tmp_path_factory.mktemp("wire")) as running:
        yield running
    asyncio.run(_administer(server_dsn, f"DROP DATABASE {name} WITH (FORCE)"))


async def _administer(server_dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(server_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def acme(world: World) -> httpx.AsyncClient:
    """A customer."""
    return await world.client("acme")


@pytest.fixture
async def staff(world: World) -> httpx.AsyncClient:
    """Support."""
    return await world.client("ops", "support")


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
        await world.ledger.spends.intend(task, Intention(send_within, ANSWERED_WITHIN))
        await world.ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
        if parked:
            await world.ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, HOUR, "worker", None)
        return name

    return bring


async def submit(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """A new task."""
    reply = await client.post("/v1/tasks", json=wish(**changes))
    assert reply.status_code == 202, reply.text
    return reply.json()


async def eventually(true: Callable[[], bool]) -> None:
    """Return when it is so, or fail after a while."""
    for _ in range(400):
        if true():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it never came to be so")


def id_of(name: str) -> UUID:
    """The ledger's id of a task."""
    found = parse_task_id(name)
    assert found is not None
    return found


def refused(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert a refusal, whole and well formed."""
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json"), (
        reply.text
    )
    problem = reply.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert problem["type"].endswith(code)
    assert problem["title"]
    assert problem["detail"] == problem["error"]["message"]
    assert problem["error"].keys() == {"message", "type", "code", "param"}
    return problem
