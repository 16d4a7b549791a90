"""The studio as a web application: its dialects, and the ledger for whoever wants to compare."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.sandbox.ark import Ark
from workers.sandbox.kling import Kling
from workers.sandbox.mischief import Cuttable
from workers.sandbox.native import Native
from workers.sandbox.studio import Studio
from workers.sandbox.videos import Videos


class _Numbered:
    """Puts the studio's own id of the exchange on every answer."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", f"req_{uuid4().hex[:16]}".encode()),
                ]
            await send(message)

        await self._app(scope, receive, numbered)


def create_app(studio: Studio) -> ASGIApp:
    """Every dialect over one studio."""

    async def ledger(request: Request) -> Response:
        """Every creation; `reference` and `prompt_contains` narrow it."""
        reference = request.query_params.get("reference")
        words = request.query_params.get("prompt_contains", "")
        creations = [
            asdict(creation)
            for creation in studio.ledger.creations.values()
            if reference in (None, creation.reference) and words in creation.prompt
        ]
        calls = studio.ledger.calls_by_dialect()
        called_back = studio.callbacks.answers
        return JSONResponse(
            {"creations": creations, "count": len(creations), "calls": calls, "called_back": called_back}
        )

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/ledger", ledger),
        Route("/healthz", health),
        *Native(studio).routes,
        *Videos(studio).routes,
        *Kling(studio).routes,
        *Ark(studio).routes,
    ]
    return Cuttable(_Numbered(Starlette(routes=routes)))


class _Server(uvicorn.Server):
    """A server that leaves the signals of its process to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def running_studio(
    folder: Path, key: str, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[str]:
    """A studio in this loop; yields its address. A request that hangs does not hold up its end."""
    studio = Studio(folder, key)
    listening = socket.create_server((host, port), backlog=1024)
    config = uvicorn.Config(
        create_app(studio), log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        yield f"http://{host}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        await studio.callbacks.close()
        studio.ledger.close()
