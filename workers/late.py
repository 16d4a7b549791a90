"""Late looks: what an upstream still makes of a task that we gave up is recorded, and its files are kept."""

import asyncio
from collections import Counter
from dataclasses import replace

from structlog.contextvars import bound_contextvars
from structlog.stdlib import get_logger
from uuid_utils.compat import uuid7

from schemas.lifecycle import State
from schemas.task import Task
from tasks_service import metrics
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import UNAVAILABLE, Taken
from tasks_service.ledger.late import LateLook
from workers.home import Bringer, Home
from workers.step import seconds
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()

_MOST_FILES = 4  # that any model makes at once, give or take: what takes longer is fetched twice
_PLACES_PER_ROUTE = 2  # of its own, so that upstreams that hang take none from the others


class Late:
    """The task stays failed; its history says what came of it all the same."""

    name = "late"

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._bringer = Bringer(bench)
        self._busy: Counter[str] = Counter()

    async def run(self) -> None:
        """Do what is due, a few of each route at a time, beside everything else; runs until cancelled."""
        async with asyncio.TaskGroup() as looks:
            while True:
                look = await self._claimed()
                if look is None:
                    await asyncio.sleep(self._bench.settings.tick_s)
                else:
                    self._busy[look.route] += 1
                    looks.create_task(self._look_in_its_place(look))

    async def _claimed(self) -> LateLook | None:
        """One to look at, of a route that has a place for it."""
        # As long as one look with its downloads may take.
        lease = seconds(_MOST_FILES * self._bench.settings.download_timeout_s)
        full = [route for route, busy in self._busy.items() if busy >= _PLACES_PER_ROUTE]
        try:
            return next(iter(await self._bench.ledger.late.claim(1, lease, full)), None)
        except UNAVAILABLE as error:
            log.warning("ledger_away", step=self.name, error=repr(error))
            return None

    async def _look_in_its_place(self, look: LateLook) -> None:
        with bound_contextvars(step=self.name, task_id=str(look.task_id), claim=look.claim):
            try:
                await self._look_safely(look)
            except UNAVAILABLE as error:
                log.warning("ledger_away", step=self.name, error=repr(error))
            finally:
                self._busy[look.route] -= 1

    async def _look_safely(self, look: LateLook) -> None:
        try:
            await self._look(look)
        except UNAVAILABLE:
            raise
        except Exception:
            # The outermost frame of one late look: its lease runs out and it is tried again, until its last.
            metrics.STEP_ERRORS.labels(self.name).inc()
            log.exception("step_broke")
            if look.over:
                await self._bench.ledger.late.finish(look)

    async def _look(self, look: LateLook) -> None:
        await reached("late.claimed")
        task = await self._upstream_task(look)
        upstream = self._bench.upstream_of(task) if task else None
        if task is None or upstream is None:
            await self._later(look)
        else:
            await self._ask(look, task, upstream)

    async def _ask(self, look: LateLook, task: Task, upstream: Upstream) -> None:
        asked = await self._bringer.look(task, upstream)
        if asked.observation.state is State.FAILED:
            await self._end(look, task, asked, "late_failure", _words(asked))
        elif asked.observation.state is not State.DONE:
            await self._later(look)
        else:
            # A task that was made twice has the files of the other one already.
            first = len(await self._bench.ledger.history.artifacts(task.id))
            home = await self._bringer.bring_home(task, upstream, asked, first)
            await self._keep(look, task, asked, home)

    async def _upstream_task(self, look: LateLook) -> Task | None:
        """The task with the upstream's id for it, which may have become known only after its end."""
        task = await self._bench.ledger.tasks.get(look.task_id)
        if task is None or look.upstream_id is None:
            return task if task and task.upstream_id else None
        return replace(task, upstream_id=look.upstream_id)

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
                await reached("late.recording")
        except Taken as taken:
            # What it brought is on record already, by whoever had the look before; nothing more will come.
            log.info("outrun", guard=taken.guard)
            await self._bench.ledger.late.finish(look)
            return
        await reached("late.recorded")
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
