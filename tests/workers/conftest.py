"""A small world: the real ledger, a studio on loopback, and a worker in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from schemas.capabilities import Model
from schemas.fingerprint import fingerprint
from schemas.lifecycle import State
from schemas.providers import PROVIDERS, model_of
from schemas.routes import Route
from schemas.rules import check, with_defaults
from schemas.task import Task, TaskRequest
from tasks_service import failpoints
from tasks_service.doorbell import SilentDoorbell
from tasks_service.epochs import Epochs
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import NewTask
from tasks_service.settings import Settings
from workers import fetch
from workers.guard import RestoreGuard
from workers.main import work
from workers.sandbox.app import running_studio
from workers.workbench import Workbench

from .backups import Backups
from .callbacks import Doorstep, doorstep
from .library import Library
from .shelf import Shelf, serving

KEY = "studio-key-0123456789"
# Where the studio speaks a dialect whose paths would not fit beside the others.
PATHS = {"kling": "/kling", "ark_seedance": "/ark/api/v3"}
OVER = frozenset({State.DOWNLOADED, State.FAILED})


class World:
    """What a test says of the world, and what it asks of it."""

    def __init__(self, ledger: Ledger, settings: Settings, studio: str, account_id: int, key_id: str):
        self.ledger = ledger
        self.settings = settings
        self.studio = studio
        self._account_id, self._key_id = account_id, key_id

    async def accepts(self, model: str = "sandbox-image-1-fast", script: str = "", **parameters: Any) -> Task:
        """A task in the ledger, as the API would have opened it; `script` is for the studio."""
        provider = next(p for p in PROVIDERS.values() if model_of(p.name, model))
        asked = {"model": model, "prompt": f"a boat {uuid7()}"} | parameters
        if provider.name == "sandbox":
            asked |= {"options": {"behaviour": f"queue=0 run=0.1 {script}"}}
        else:
            asked["prompt"] += f" [sandbox: queue=0 run=0.1 {script}]"
        known = model_of(provider.name, model)
        request = with_defaults(TaskRequest.model_validate(asked, strict=False), known)
        assert check(request, known) == []
        new = NewTask(
            uuid7(), self._account_id, self._key_id, model, known.kind, provider.name, provider.name, request,
            bytes(32), fingerprint(request), (), (), provider.endpoint(request),
        )  # fmt: skip
        await self.ledger.tasks.open(new, "customer:test", None)
        return await self.task(new.id)

    async def task(self, task_id: Any) -> Task:
        found = await self.ledger.tasks.get(task_id)
        assert found is not None
        return found

    @asynccontextmanager
    async def working(self, **changes: Any) -> AsyncIterator[None]:
        """A worker at work, told to stop at the end."""
        stopping = asyncio.Event()
        worker = asyncio.create_task(work(self.settings.model_copy(update=changes), stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(worker, 60)

    async def until(self, task: Task, *states: State, parked: bool = False, within_s: float = 50) -> Task:
        """The task as soon as it is in one of the states, or parked where that is meant."""
        async with asyncio.timeout(within_s):
            while True:
                now = await self.task(task.id)
                if now.state in (states or OVER) or (parked and now.parked):
                    return now
                await asyncio.sleep(0.05)

    async def created(self, task: Task, *, sent: bool = False, within_s: float = 50) -> None:
        """Returns when the studio has made it, or, with `sent`, when our intention is on record."""
        async with asyncio.timeout(within_s):
            while True:
                if (await self.task(task.id)).attempt if sent else await self.creations(task):
                    return
                await asyncio.sleep(0.02)

    async def creations(self, task: Task) -> int:
        """What the studio says it made for a task."""
        words = task.request.prompt.partition(" [")[0]
        async with httpx.AsyncClient(base_url=self.studio) as client:
            return (await client.get("/ledger", params={"prompt_contains": words})).json()["count"]

    async def calls(self, task: Task, purpose: str) -> list[Any]:
        return [call for call in await self.ledger.history.calls(task.id) if call["purpose"] == purpose]

    async def causes(self, task: Task) -> list[tuple[str, str]]:
        return [(event["to_state"], event["cause"]) for event in await self.ledger.history.events(task.id)]


def in_haste(mischief: str) -> dict[str, float]:
    """Settings under which an upstream that hangs is given up soon; all others have time on a slow machine."""
    return {"submit_timeout_s": 1, "call_timeout_s": 1} if "hang" in mischief else {}


_PACE = Model.pace


def quick_pace(model: Model, age_s: float) -> float:
    """Vendors are asked every few seconds; the studio may be asked more often, and its films are short."""
    return min(_PACE(model, age_s), 0.4)


@pytest.fixture
async def world(
    ledger: Ledger, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setattr(Model, "pace", quick_pace)
    key = await ledger.keys.new("acme")
    caller = await ledger.keys.find(key)
    async with running_studio(tmp_path / "studio", KEY) as studio:
        routes = tuple(
            Route(name=name, provider=name, base_url=studio + PATHS.get(name, ""), credential=SecretStr(KEY))
            for name in PROVIDERS
        )
        settings = Settings(
            database_url=SecretStr(dsn), data_folder=tmp_path, routes=routes, lease_s=3, tick_s=0.1, call_timeout_s=5,
            submit_timeout_s=10, stop_wait_s=3, parked_wait_s=1,
        )  # fmt: skip
        yield World(ledger, settings, studio, caller.account_id, caller.key_id)


@pytest.fixture
async def library(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Library]:
    """A world whose upstream has files on a shelf, and a worker that does not pause for long."""
    monkeypatch.setattr(fetch, "_PAUSES_S", (0.01, 0.01, 0.01))
    async with serving(Shelf()) as shelf:
        route = Route(name="sandbox", provider="sandbox", base_url=shelf.url, credential=SecretStr("key"))
        settings = world.settings.model_copy(update={"routes": (route,), "call_timeout_s": 5})
        bench = await Workbench.open(settings, SilentDoorbell())
        yield Library(world, shelf, bench)
        await bench.close()


@pytest.fixture
async def backups(dsn: str, server_dsn: str, ledger: Ledger) -> AsyncIterator[Backups]:
    """Copies of the test's own database."""
    elsewhere = await asyncpg.connect(server_dsn)
    yield Backups(elsewhere, urlsplit(dsn).path.strip("/"))
    await elsewhere.close()


@pytest.fixture
def epochs(tmp_path: Path) -> Epochs:
    """What lies outside the ledger; the world's store is the same."""
    return Epochs(f"file://{tmp_path}/artifacts")


@pytest.fixture
async def guards(ledger: Ledger, epochs: Epochs) -> AsyncIterator[list[RestoreGuard]]:
    """Guards as of several workers."""
    made = [RestoreGuard(ledger, epochs) for _ in range(8)]
    yield made
    await asyncio.gather(*(guard.close() for guard in made))


@pytest.fixture
async def door(world, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doorstep]:
    """Whoever is not rung for is looked at once an hour."""
    monkeypatch.setattr(Model, "pace", lambda *_: 3600.0)
    async with doorstep(world) as opened:
        yield opened
    failpoints.disarm()


@pytest.fixture
async def watched(door: Doorstep):
    """Makes a task that a worker watches, for which its upstream itself does not ring."""

    async def make(script: str = "end=never") -> Task:
        task = await door.world.accepts(script=f"callback=silent {script}")
        await door.world.until(task, State.QUEUED, State.RUNNING)
        await asyncio.sleep(1)  # until it is claimed for the watch; a ring before may be lost
        return await door.world.task(task.id)

    async with door.world.working(callback_base_url=door.url):
        yield make
