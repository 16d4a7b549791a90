"""The API process: the only place where its parts are put together."""

import asyncio
import gc
import socket
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.stdlib import get_logger

from schemas.refusals import MalformedRequest, MethodNotAllowed, NotFound
from tasks_service.admission import Admission
from tasks_service.api import (
    artifacts,
    bundles,
    callbacks,
    decisions,
    erasure,
    explain,
    failures,
    files,
    health,
    history,
    listing,
    models,
    problems,
    quarantine,
    tasks,
)
from tasks_service.api.auth import Keyring
from tasks_service.api.bells import Bells
from tasks_service.api.context import Service
from tasks_service.api.direct import Shortcut
from tasks_service.api.doors import doors
from tasks_service.api.middleware import Edge
from tasks_service.api.openapi import describe
from tasks_service.api.protocol import Protocol
from tasks_service.api.readiness import Readiness
from tasks_service.api.receiving import Receiving
from tasks_service.api.room import Room
from tasks_service.api.waiting import Waiting
from tasks_service.artifacts import Artifacts
from tasks_service.callbacks import Callbacks
from tasks_service.doorbell import doorbell
from tasks_service.ending import end
from tasks_service.ledger.ledger import Ledger
from tasks_service.pictures.vetting import Vetting
from tasks_service.settings import Settings

ROUTERS: tuple[APIRouter, ...] = (
    tasks.direct,
    tasks.router,
    listing.router,
    history.router,
    artifacts.router,
    bundles.router,
    decisions.router,
    erasure.router,
    failures.router,
    models.router,
    explain.router,
    files.router,
    quarantine.router,
    callbacks.router,
    health.router,
)

log = get_logger()


def create_app(settings: Settings) -> FastAPI:
    """The API. It starts where PostgreSQL is away, and answers 503 until it is there."""

    room = Room(settings.max_in_flight)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        service = await _open(settings)
        app.state.service = service
        room.held = lambda: service.waiting.count
        listening = asyncio.create_task(service.keyring.listen())
        try:
            yield
        finally:
            await end([listening])
            await service.waiting.stop()
            await service.bells.close()
            await service.vetting.close()
            await service.doorbell.close()
            await service.ledger.close()

    app = _Api(
        room,
        title="Creative Task Tracker",
        version=_version(),
        description="Image and video generation tasks: accepted once, never lost, never paid for twice.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # Not `include_router`: it would look for every request's route three times over.
    app.router.routes += [route for router in ROUTERS for route in router.routes]
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _refuse)
    describe(app)
    return app


class _Api(FastAPI):
    """FastAPI behind an edge of ours, which has the last word: the framework's would be a second."""

    def __init__(self, room: Room, **options: Any):
        super().__init__(**options)
        self.state.room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without the framework's telemetry, which asks at every request whether anybody wants it."""
        self.middleware_stack = self.middleware_stack or self.build_middleware_stack()
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """From the line to the handlers."""
        routed = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)
        return Edge(Shortcut(routed, self.router.routes), self.state.room)


def serve(settings: Settings) -> None:
    """Run the API until it is told to stop. With port 0 the log's `listening` line names the real one."""
    listener = socket.create_server(
        (settings.host, settings.port),
        family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
        backlog=2048,
    )
    port: int = listener.getsockname()[1]
    # The links in answers must name the port that was found.
    app = create_app(settings.model_copy(update={"port": port}))
    config = uvicorn.Config(
        app,
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(int(settings.stop_wait_s), 1),
    )
    # What is there now stays for good: the collector need not look through it again and again.
    gc.freeze()
    _Server(config, app, settings.host, port).run(sockets=doors(listener))


class _Server(uvicorn.Server):
    """uvicorn that says where it listens, and lets held requests go when it stops."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, host: str, port: int):
        super().__init__(config)
        self._app = app
        self._where = {"host": host, "port": port}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            log.info("listening", **self._where)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A held request would otherwise keep the process for as long as it may.
        await self._app.state.service.waiting.stop()
        await super().shutdown(sockets)


async def _open(settings: Settings) -> Service:
    dsn = settings.database_url.get_secret_value()
    if not dsn:
        raise ValueError("DATABASE_URL is not set")
    ledger = await Ledger.connect(dsn, size=settings.database_pool, lazy=True)
    bell = doorbell(settings.redis_url.get_secret_value())
    # Opening a folder may make it, and a bucket may read credentials: not on the loop.
    store = await asyncio.to_thread(Artifacts, settings.store)
    vetting = await asyncio.to_thread(Vetting.open, ledger, settings)
    return Service(
        settings=settings,
        ledger=ledger,
        doorbell=bell,
        artifacts=store,
        vetting=vetting,
        admission=Admission(ledger, bell, settings.routes, vetting, window=settings.duplicate_window),
        keyring=Keyring(ledger),
        waiting=Waiting(ledger, limit=settings.max_waiting),
        receiving=Receiving(settings.max_bodies_bytes),
        readiness=Readiness(ledger, store),
        callbacks=Callbacks(settings.callback_base_url, store),
        bells=Bells(ledger),
    )


async def _refuse(request: Request, error: Exception) -> Response:
    """The framework's own exceptions as problem+json; the edge answers ours, and the unexpected ones."""
    match error:
        case HTTPException(status_code=405):
            allow = _allowed(request, (*ROUTERS, request.app.router))
            if request.method == "OPTIONS":
                return Response(None, 204, {"Allow": allow})
            refusal = MethodNotAllowed(f"This path takes {allow}.", headers={"Allow": allow})
        case HTTPException(status_code=404):
            refusal = NotFound("There is nothing at this path.")
        case _:
            refusal = MalformedRequest("The request cannot be understood.")
    return problems.answer(refusal, request.state.request_id)


def _allowed(request: Request, routers: Iterable[APIRouter]) -> str:
    """Every method of a path: the framework names those of one handler only."""
    methods = {
        method
        for router in routers
        for route in router.routes
        if route.matches(request.scope)[0].value
        for method in getattr(route, "methods", None) or ()
    }
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"}))


def _version() -> str:
    try:
        return version("creative-task-tracker")
    except PackageNotFoundError:
        return "0"
