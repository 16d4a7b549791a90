"""The download step: makes a finished task's files ours while the upstream's links live."""

from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, State
from schemas.task import Task
from tasks_service import metrics
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import Taken
from tasks_service.ledger.tasks import Move
from workers.hold import hold_unrouted
from workers.home import Bringer, Home
from workers.result_life import ResultLife
from workers.step import Step, seconds
from workers.upstream import Driven
from workers.workbench import Workbench

log = get_logger()

_PLACES_PER_ROUTE = 8


class Download(Step):
    """Asks for fresh links, brings every file home, and only then says that the task is ours."""

    name = "download"
    states = (State.DONE,)
    by_expiry = True

    def __init__(self, bench: Workbench):
        super().__init__(bench)
        self._bringer = Bringer(bench)

    def places(self, route: str) -> int:
        """An upstream whose files come slowly takes no places from the others."""
        return min(super().places(route), _PLACES_PER_ROUTE)

    async def act(self, task: Task) -> None:
        """Bring a finished task's files home."""
        upstream = self.bench.upstream_of(task)
        if upstream is None or task.upstream_id is None:
            await hold_unrouted(self.bench, task)
            return
        await reached("download.before_look")
        asked = await self._bringer.look(task, upstream)
        if asked.observation.state is State.FAILED:
            await self._withdrawn(task, asked)
            return
        home = await self._bringer.bring_home(task, upstream, asked)
        if home.artifacts:
            await self._keep(task, home)
        else:
            await self._not_home(task, home)

    async def _keep(self, task: Task, home: Home) -> None:
        try:
            async with self.bench.ledger.transaction() as ledger:
                await ledger.history.record(task.id, home.calls)
                await ledger.history.keep(task.id, home.artifacts)
                await ledger.tasks.advance(task, Move(State.DOWNLOADED, "worker", "files_stored"))
                await reached("download.recording")
        except Taken:
            log.info("outrun")
            return
        await reached("download.recorded")
        self._bringer.clear(task)
        stored = sum(artifact.bytes for artifact in home.artifacts)
        log.info("downloaded", files=len(home.artifacts), bytes=stored, route=task.route)
        metrics.STORED_BYTES.inc(stored)
        metrics.MOVES.labels(State.DOWNLOADED.value, task.route).inc()

    async def _not_home(self, task: Task, home: Home) -> None:
        life = ResultLife.of(task, home.seen.files, self.bench.ledger.tasks.clock.now())
        if life.over and home.gone:
            await self._lost(task, home, "result_gone")
        elif life.since_s > self.bench.settings.hard_limit_s:
            await self._lost(task, home, "not_fetched_in_time")
        else:
            await self._try_later(task, home, life)

    async def _try_later(self, task: Task, home: Home, life: ResultLife) -> None:
        wait = seconds(life.next_try_s(self.bench.settings.parked_wait_s, home.seen.retry_after_s))
        risk = Parked.ARTIFACT_AT_RISK
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, home.calls)
            parked = life.at_risk and await ledger.tasks.park(task, risk, wait, "worker", home.trouble)
            if not parked:
                await ledger.tasks.postpone(task, wait)
            await reached("download.trying_later")
        if parked:
            metrics.PARKED.labels(risk.value, task.route).inc()
        log.warning("not_downloaded", trouble=home.trouble, again_in_s=wait.total_seconds())

    async def _lost(self, task: Task, home: Home, cause: str) -> None:
        """Finished and paid for, and never ours: the upstream no longer has it, or our patience is over."""
        words = home.trouble or "the upstream offers no file"
        failure = Failure(FailureKind.ARTIFACT_LOST, words)
        await self._end(task, home, Move(State.FAILED, "worker", cause, failure=failure), look_on=True)
        log.error("artifact_lost", cause=cause, trouble=words, route=task.route)

    async def _withdrawn(self, task: Task, asked: Driven) -> None:
        """The upstream had said that it was done, and now says that it failed."""
        move = Move(State.FAILED, "provider", "upstream_withdrew_result", failure=asked.observation.failure)
        await self._end(task, asked, move)
        log.warning("withdrawn", route=task.route)

    async def _end(self, task: Task, told: Home | Driven, move: Move, *, look_on: bool = False) -> None:
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, told.calls)
            await ledger.tasks.advance(task, move)
            if look_on:
                await ledger.late.begin(task.id, seconds(self.bench.settings.late_wait_s))
            await reached("download.ending")
        self._bringer.clear(task)
        kind = move.failure.kind if move.failure else FailureKind.UNKNOWN
        metrics.MOVES.labels(State.FAILED.value, task.route).inc()
        metrics.FAILURES.labels(kind.value, task.route).inc()
