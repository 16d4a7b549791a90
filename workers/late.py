"""Late looks: what an upstream still makes of a task that we gave up is recorded, and its files are kept."""

import asyncio
from dataclasses import replace

from structlog.stdlib import get_logger
from uuid_utils.compat import uuid7

from schemas.lifecycle import State
from schemas.task import Task
from tasks_service import metrics
from tasks_service.ledger.connection import UNAVAILABLE, Taken
from tasks_service.ledger.late import LateLook
from workers.home import Bringer, Home
from workers.step import seconds
from workers.upstream import Driven
from workers.workbench import Workbench

log = get_logger()

_MOST_FILES = 4  # that any model makes at once, give or take: what takes longer is fetched twice


class Late:
    """The task stays failed; its history says what came of it all the same."""

    name = "late"

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._bringer = Bringer(bench)

    async def run(self) -> None:
        """Do what is due, one after the other, beside everything else; runs until cancelled."""
        while True:
            if not await self._one():
                await asyncio.sleep(self._bench.settings.tick_s)

    async def _one(self) -> bool:
        """Whether there was one to look at."""
        try:
            # As long as one look with its downloads may take.
            lease = seconds(_MOST_FILES * self._bench.settings.download_timeout_s)
            looks = await self._bench.ledger.late.claim(1, lease)
            for look in looks:
                await self._look(look)
        except UNAVAILABLE as error:
            log.warning("ledger_away", step=self.name, error=repr(error))
            return False
        except Exception:
            # The outermost frame of one late look: its lease runs out and it is tried again.
            metrics.STEP_ERRORS.labels(self.name).inc()
            log.exception("step_broke")
            return False
        return bool(looks)

    async def _look(self, look: LateLook) -> None:
        task = await self._upstream_task(look)
        upstream = self._bench.upstream_of(task) if task else None
        if task is None or upstream is None:
            await self._later(look)
            return
        asked = await self._bringer.look(task, upstream)
        if asked.observation.state is State.FAILED:
            await self._end(look, task, asked, "late_failure", _words(asked))
        elif asked.observation.state is not State.DONE:
            await self._later(look)
        else:
            await self._keep(look, task, asked, await self._bringer.bring_home(task, upstream, asked))

    async def _upstream_task(self, look: LateLook) -> Task | None:
        """The task with the upstream's id for it, which may have become known only after its end."""
        task = await self._bench.ledger.tasks.get(look.task_id)
        if task is None or task.upstream_id is not None:
            return task
        return replace(task, upstream_id=look.upstream_id) if look.upstream_id else None

    async def _keep(self, look: LateLook, task: Task, asked: Driven, home: Home) -> None:
        if not home.artifacts and not look.over:
            await self._later(look)
            return
        reason = "late_success" if home.artifacts else "late_success_without_files"
        await self._end(look, task, asked, reason, _words(asked) if home.artifacts else home.trouble, home)

    async def _end(
        self,
        look: LateLook,
        task: Task,
        asked: Driven,
        reason: str,
        detail: str | None,
        home: Home | None = None,
    ) -> None:
        try:
            async with self._bench.ledger.transaction() as ledger:
                if not await ledger.late.finish(look):
                    return
                await ledger.history.record(task.id, home.calls if home else asked.calls)
                await ledger.history.keep(task.id, home.artifacts if home else [])
                await ledger.history.add_note(task.id, uuid7(), "note", "worker", reason, detail)
        except Taken:
            log.info("outrun")
            return
        self._bringer.clear(task)
        metrics.LATE.labels(reason, task.route).inc()
        log.warning(reason, task=str(task.id), route=task.route)

    async def _later(self, look: LateLook) -> None:
        if look.over:
            await self._bench.ledger.late.finish(look)
            return
        await self._bench.ledger.late.postpone(look, seconds(self._bench.settings.late_wait_s))


def _words(asked: Driven) -> str | None:
    seen = asked.observation
    return (seen.failure.message or seen.failure.code) if seen.failure else seen.status
