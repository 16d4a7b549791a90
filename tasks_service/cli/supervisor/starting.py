"""Starts the parts, one line each; what does not depend on each other starts at the same time."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tasks_service.cli.configuration import shown
from tasks_service.cli.database import migrate_database, open_ledger, reached_revision
from tasks_service.cli.doorbell import ask_redis
from tasks_service.cli.screen import Screen
from tasks_service.cli.supervisor.api_key import kept_key
from tasks_service.cli.supervisor.child import Child
from tasks_service.cli.supervisor.engines import Engine
from tasks_service.cli.supervisor.part import Part
from tasks_service.cli.supervisor.plan import Plan, Sandbox, new_sandbox_key
from tasks_service.cli.supervisor.watcher import Watcher
from tasks_service.embedded import start_postgres, start_valkey
from tasks_service.embedded.errors import disk_trouble_in
from tasks_service.ledger.migrate import newest_revision
from tasks_service.lifeline import READY

_PATIENCE_S = 60.0  # a slow disk at the first start, with everything compiled for the first time
_LOOK_S = 0.03

T = TypeVar("T")


class Interrupted(Exception):
    """The end was asked for before everything was up."""


@dataclass(frozen=True, slots=True)
class Started:
    """Where everything is."""

    address: str
    local_address: str
    database_url: str
    redis_url: str
    sandbox: Sandbox | None
    api_key: str | None


class Starter:
    """Starts what a plan says, and adds each part to the list as soon as there is something to end."""

    def __init__(
        self, plan: Plan, screen: Screen, parts: list[Part], asked_to_end: asyncio.Event, watcher: Watcher
    ):
        self._plan = plan
        self._screen = screen
        self._parts = parts
        self._asked_to_end = asked_to_end
        self._watcher = watcher

    async def start(self) -> Started:
        """Start everything. Raises Trouble or EngineError; what was started by then is in the list."""
        plan = self._plan.with_port()
        self._plan = plan
        with disk_trouble_in(plan.folder.absolute()):
            plan.make_folders()
        studio = self._start_sandbox() if plan.sandbox else None
        database_url = await self._database()
        api_key = await self._schema(database_url)
        redis_url = await self._doorbell()
        sandbox = await self._unless_interrupted(self._sandbox_address(*studio)) if studio else None
        environment = plan.environment(database_url, redis_url, sandbox)
        await self._unless_interrupted(self._processes(environment))
        return Started(plan.address, plan.local_address, database_url, redis_url, sandbox, api_key)

    async def _database(self) -> str:
        plan, began = self._plan, time.monotonic()
        if not plan.embeds_postgres:
            url = plan.settings.database_url.get_secret_value()
            async with open_ledger(url):
                self._screen.started("database", "the server of DATABASE_URL", "", time.monotonic() - began)
            return url
        server = await asyncio.to_thread(start_postgres, plan.folder, throwaway=plan.throwaway)
        self._has(Engine("database", server, server.discard if plan.throwaway else None))
        self._told("database", server.detail, began)
        self._go_on()
        return server.dsn

    async def _schema(self, database_url: str) -> str | None:
        """Migrate where that is needed; the key of this folder, where one is offered."""
        began = time.monotonic()
        newest = newest_revision()
        async with open_ledger(database_url) as ledger:
            reached = await reached_revision(ledger)
            if reached != newest:
                await migrate_database(database_url)
            key = await kept_key(ledger, self._plan.folder) if self._plan.offers_key else None
        came = "" if reached == newest else f", from {reached or 'nothing'}"
        self._screen.started("schema", f"revision {newest}{came}", "", time.monotonic() - began)
        self._go_on()
        return key

    async def _doorbell(self) -> str:
        plan, began = self._plan, time.monotonic()
        if not plan.embeds_valkey:
            return await self._named_doorbell(plan.settings.redis_url.get_secret_value(), began)
        server = await asyncio.to_thread(start_valkey, plan.folder)
        if server is None:
            self._screen.absent(
                "doorbell", "no Valkey or Redis found; work continues at most a second slower"
            )
            return ""
        self._has(Engine("doorbell", server))
        self._told("doorbell", server.detail, began)
        self._go_on()
        return server.url

    async def _named_doorbell(self, url: str, began: float) -> str:
        what = "the server of REDIS_URL"
        if isinstance(await ask_redis(url), str):
            self._screen.absent("doorbell", f"{what} does not answer; work continues at most a second slower")
        else:
            self._screen.started("doorbell", what, "", time.monotonic() - began)
        return url

    def _start_sandbox(self) -> tuple[Child, Sandbox, float]:
        key, folder = new_sandbox_key(), self._plan.folder.absolute() / "sandbox"
        command = ["workers.sandbox.main", "--host", "127.0.0.1", "--folder", str(folder), "--port", "0"]
        # The key is not among the words of the command, which every user of the machine can read.
        child = self._child("sandbox", [*command, "--exit-with-stdin"], {"SANDBOX_KEY": key})
        return child, Sandbox("", key), time.monotonic()

    async def _sandbox_address(self, child: Child, sandbox: Sandbox, began: float) -> Sandbox:
        port = (await child.says("listening", _PATIENCE_S))["port"]
        child.always("--port", str(port))
        self._screen.started(
            "sandbox",
            "a studio on this machine: no key, no cost, no network",
            f"127.0.0.1:{port}",
            time.monotonic() - began,
        )
        return Sandbox(f"http://127.0.0.1:{port}", sandbox.key)

    async def _processes(self, environment: dict[str, str]) -> None:
        began = time.monotonic()
        names = [f"worker-{number}" for number in range(1, self._plan.workers + 1)]
        api = self._child("api", ["tasks_service.cli.main", "api"], environment)
        workers = [self._child(name, ["workers.main"], environment) for name in names]
        await _answers(api, f"{self._plan.local_address}/readyz")
        self._screen.started("api", self._plan.address, shown(api.log), time.monotonic() - began)
        for worker in workers:
            await worker.says(READY, _PATIENCE_S)
            self._screen.started(
                worker.name, "submits, polls, downloads", shown(worker.log), time.monotonic() - began
            )

    def _child(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        patience_s = self._plan.settings.stop_wait_s + 5
        child = Child(name, command, environment, self._plan.logs.absolute() / f"{name}.log", patience_s)
        self._parts.append(child)
        child.start()
        self._watcher.tell(self._parts)
        return child

    def _has(self, part: Part) -> None:
        self._parts.append(part)
        self._watcher.tell(self._parts)

    def _told(self, name: str, detail: str, began: float) -> None:
        what, _, where = detail.partition(", ")
        here = f"{Path.cwd()}/"
        product = what.partition(" from ")[0]
        self._screen.started(name, f"{product} (embedded)", where.replace(here, ""), time.monotonic() - began)

    def _go_on(self) -> None:
        if self._asked_to_end.is_set():
            raise Interrupted

    async def _unless_interrupted(self, work: Coroutine[Any, Any, T]) -> T:
        working = asyncio.create_task(work)
        asked = asyncio.create_task(self._asked_to_end.wait())
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        raise Interrupted


async def _answers(api: Child, url: str) -> None:
    """Wait until the API says that it can accept work."""
    said = "nothing"
    # Not through a proxy that the environment may name: this is our own machine.
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        for _ in range(int(_PATIENCE_S / _LOOK_S)):
            try:
                reply = await client.get(url)
            except httpx.HTTPError:
                pass
            else:
                if reply.status_code == HTTPStatus.OK:
                    return
                said = f"{reply.status_code} {reply.text[:200]}"
            if not api.is_alive():
                raise api.trouble(api.how_it_ended())
            await asyncio.sleep(_LOOK_S)
    raise api.trouble(f"after {_PATIENCE_S:.0f} seconds {url} answered {said}")
