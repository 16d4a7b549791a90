"""Held requests: one loop per process asks for all of them together whether something happened."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from structlog.stdlib import get_logger

from schemas.refusals import TooManyRequests
from schemas.task import Task
from tasks_service.ending import end
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger

log = get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    """One held request: what it has seen, and how it is woken."""

    seen: tuple[Any, ...]
    woken: asyncio.Event


class Waiting:
    """Wakes requests when their tasks change."""

    def __init__(self, ledger: Ledger, *, every_s: float = 0.2, limit: int = 2000):
        self._ledger = ledger
        self._every_s = every_s
        self._limit = limit
        self._waiters: dict[UUID, set[_Waiter]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False
        self.count = 0

    async def hold(self, request: Request, task: Task, seconds: float) -> None:
        """Return when the task has changed, the time is up, the client is gone, or the process stops."""
        if self._stopping or seconds <= 0:
            return
        if self.count >= self._limit:
            detail = f"{self._limit} requests are being held already; ask without wait."
            raise TooManyRequests(detail, headers={"Retry-After": "2"})
        waiter = _Waiter((task.seq, task.progress, task.parked), asyncio.Event())
        self._enter(task.id, waiter)
        endings: set[asyncio.Task[Any]] = {
            asyncio.create_task(waiter.woken.wait()),
            asyncio.create_task(_client_gone(request)),
        }
        try:
            await asyncio.wait(endings, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._leave(task.id, waiter)
            await end(endings)

    async def stop(self) -> None:
        """Let everybody go, and hold nobody any more."""
        self._stopping = True
        for waiter in [waiter for held in self._waiters.values() for waiter in held]:
            waiter.woken.set()
        if self._loop is not None:
            await end([self._loop])

    def _enter(self, task_id: UUID, waiter: _Waiter) -> None:
        self._waiters.setdefault(task_id, set()).add(waiter)
        self.count += 1
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._look())

    def _leave(self, task_id: UUID, waiter: _Waiter) -> None:
        self.count -= 1
        held = self._waiters[task_id]
        held.discard(waiter)
        if not held:
            del self._waiters[task_id]

    async def _look(self) -> None:
        """Runs only while somebody waits."""
        while self._waiters:
            try:
                versions = await self._ledger.tasks.versions(list(self._waiters))
            except UNAVAILABLE as error:
                log.warning("ledger_away", step="waiting", error=type(error).__name__)
            else:
                self._wake(versions)
            await asyncio.sleep(self._every_s)

    def _wake(self, versions: dict[UUID, tuple[Any, ...]]) -> None:
        for task_id, version in versions.items():
            for waiter in self._waiters.get(task_id, ()):
                if waiter.seen != version:
                    waiter.woken.set()


async def _client_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
