"""Work that is done upstream, and whose files a worker of this process is to bring home."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from schemas.ids import task_id_text
from schemas.lifecycle import State
from tasks_service.artifacts import Artifacts
from tasks_service.doorbell import SilentDoorbell
from tasks_service.ledger.tasks import Move
from tasks_service.settings import Settings
from workers.download import Download
from workers.workbench import Workbench

from .shelf import Shelf

AT_ONCE = timedelta(0)


class Library:
    """A world in which the upstream's work is done, and only the files are to be fetched."""

    def __init__(self, world: Any, shelf: Shelf, bench: Workbench):
        self.world, self.shelf, self.bench = world, shelf, bench
        self.download = Download(bench)

    async def finished(self, *, expires_in_s: float | None = None) -> Any:
        """A task that is done upstream, and whose files are not ours yet."""
        task = await self.world.accepts()
        tasks = self.world.ledger.tasks
        [task] = [one for one in await tasks.claim([State.SUBMITTED], 9, AT_ONCE) if one.id == task.id]
        taken = Move(State.QUEUED, "worker", "upstream_accepted", AT_ONCE, upstream_id=f"job_{uuid7()}")
        ends = None if expires_in_s is None else datetime.now(UTC) + timedelta(seconds=expires_in_s)
        done = Move(State.DONE, "provider", "upstream_said:ready", AT_ONCE, result_expires_at=ends)
        return await tasks.advance(await tasks.advance(task, taken), done)

    async def go(self, task: Any) -> Any:
        """One act on the task, due or not; what became of the task."""
        await act_on(self.download, task.id, self.bench.settings)
        return await self.world.task(task.id)

    async def stored(self, task: Any) -> list[bytes]:
        store = Artifacts(self.bench.settings.store)
        found = []
        for one in await self.world.ledger.history.artifacts(task.id):
            content = b"".join([chunk async for chunk in await store.open(one.key, 0, one.bytes)])
            assert (one.bytes, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())
            found.append(content)
        return found

    async def troubles(self, task: Any) -> list[str]:
        return [call["trouble"] or "" for call in await self.world.calls(task, "download")]

    def place(self, task: Any) -> Path:
        return self.bench.incoming / task_id_text(task.id)


async def act_on(download: Download, task_id: UUID, settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    await connection.execute("UPDATE task SET due_at = now() WHERE id = $1", task_id)
    await connection.close()
    claimed = await download.bench.ledger.tasks.claim([State.DONE], 9, timedelta(seconds=30))
    await download.act(*(one for one in claimed if one.id == task_id))


def a_worker_of_its_own(settings: Settings, task_id: UUID) -> None:
    """One act in another process, which a test may kill."""

    async def work() -> None:
        await act_on(Download(await Workbench.open(settings, SilentDoorbell())), task_id, settings)

    asyncio.run(work())
