"""A world in which upstreams ring: the API on a socket of its own beside the studio and the worker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from schemas.task import Task
from tasks_service.api.protocol import Protocol
from tasks_service.app import create_app
from tasks_service.artifacts import Artifacts
from tasks_service.callbacks import Callbacks
from tasks_service.settings import Settings

if TYPE_CHECKING:
    from .conftest import World


class _Server(uvicorn.Server):
    """A server that leaves the signals of the test run alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Doorstep:
    """Where upstreams ring, and what a test rings with."""

    def __init__(self, world: "World", settings: Settings, url: str):
        self.world, self.settings, self.url = world, settings, url
        self._callbacks = Callbacks(url, Artifacts(settings.store))

    async def address(self, task: Task, attempt: int = 1, route: str | None = None) -> str:
        """The address that the task's upstream was told, or would have been."""
        found = await self._callbacks.address(route or task.route, task.id, attempt)
        assert found is not None
        return found

    async def ring(self, address: str, content: bytes = b"{}") -> int:
        """The status of the answer."""
        async with httpx.AsyncClient(timeout=30) as client:
            return (await client.post(address, content=content)).status_code

    async def called_back(self) -> dict[str, int]:
        """What the studio's own callbacks were answered, by status."""
        async with httpx.AsyncClient(base_url=self.world.studio) as client:
            return (await client.get("/ledger")).json()["called_back"]


@asynccontextmanager
async def doorstep(world: "World", **changes: Any) -> AsyncIterator[Doorstep]:
    """The API at work; its settings are also those that a worker must have."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = world.settings.model_copy(update={"callback_base_url": url, **changes})
    config = uvicorn.Config(create_app(settings), http=Protocol, log_config=None, access_log=False, ws="none")
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.01)
    try:
        yield Doorstep(world, settings, url)
    finally:
        server.should_exit = True
        await serving


async def looks(door: Doorstep) -> int:
    """What the studio counted: a look that teaches nothing leaves no trace with us."""
    async with httpx.AsyncClient(base_url=door.world.studio) as client:
        return (await client.get("/ledger")).json()["calls"].get("sandbox", {}).get("look", 0)


async def looked(door: Doorstep, times: int) -> None:
    async with asyncio.timeout(30):
        while await looks(door) < times:  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)


async def due_in_s(door: Doorstep, task: Task) -> float:
    run = door.world.ledger._database._executor.fetchval
    return await run("SELECT extract(epoch FROM due_at - now())::float FROM task WHERE id = $1", task.id)
