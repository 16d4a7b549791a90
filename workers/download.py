"""The download step: makes a finished task's files ours while the upstream's link lives."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from structlog.stdlib import get_logger

from schemas.lifecycle import Parked, State
from schemas.task import Artifact, Task
from schemas.upstream import Observation
from tasks_service import metrics
from tasks_service.artifacts import StoreAway, key_for
from tasks_service.ledger.connection import Taken
from tasks_service.ledger.history import Call
from tasks_service.ledger.tasks import Move
from workers.fetch import Fetcher, Whole
from workers.step import Step, seconds
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()

_SLOWEST_RETRY_S = 60.0
_AT_RISK_AFTER_S = 900.0
_PLACES_PER_ROUTE = 8


class Download(Step):
    """Asks for fresh links, fetches every file whole, and only then says that the task is ours."""

    name = "download"
    states = (State.DONE,)
    capacity = 64

    def __init__(self, bench: Workbench):
        super().__init__(bench)
        self._fetcher = Fetcher(bench)

    def places(self, route: str) -> int:
        """An upstream whose files come slowly takes no places from the others."""
        return min(super().places(route), _PLACES_PER_ROUTE)

    async def act(self, task: Task) -> None:
        """Bring a finished task's files home."""
        upstream = self.bench.upstream_of(task)
        if upstream is None or task.upstream_id is None:
            log.error("route_not_configured", route=task.route)
            await self.bench.ledger.tasks.postpone(task, seconds(_SLOWEST_RETRY_S))
            return
        # Links are signed and die, so they are never stored: a look just before gives fresh ones.
        asked = await self._ask(task, upstream, task.upstream_id)
        if asked.observation.state is State.FAILED:
            await self._withdrawn(task, asked)
            return
        folder = self.bench.incoming
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            await self._fetch_all(task, upstream, asked, Path(place))

    async def _ask(self, task: Task, upstream: Upstream, upstream_id: str) -> Driven:
        flow = upstream.provider.poll(upstream_id)
        return await upstream.drive(flow, "poll", task.attempt, self.bench.settings.call_timeout_s)

    async def _fetch_all(self, task: Task, upstream: Upstream, asked: Driven, place: Path) -> None:
        files = asked.observation.files
        calls, whole = list(asked.calls), list[Whole]()
        for n, file in enumerate(files):
            call, fetched = await self._fetcher.fetch(task, upstream, file, place / str(n))
            calls.append(call)
            if fetched is None:
                break
            whole.append(fetched)
        if files and len(whole) == len(files):
            await self._keep(task, asked, whole, calls)
        else:
            trouble = calls[-1].trouble if calls else None
            await self._try_later(task, asked.observation, calls, trouble)

    async def _keep(self, task: Task, asked: Driven, whole: list[Whole], calls: list[Call]) -> None:
        artifacts = [self._artifact(task, n, one) for n, one in enumerate(whole)]
        try:
            for artifact, one in zip(artifacts, whole, strict=True):
                await self.bench.artifacts.put(artifact.key, one.file)
        except StoreAway as error:
            log.error("store_away", error=str(error))
            await self._try_later(task, asked.observation, calls, f"our store: {error}")
            return
        try:
            async with self.bench.ledger.transaction() as ledger:
                await ledger.history.record(task.id, calls)
                await ledger.history.keep(task.id, artifacts)
                await ledger.tasks.advance(task, Move(State.DOWNLOADED, "worker", "files_stored"))
        except Taken:
            log.info("outrun")
            return
        stored = sum(artifact.bytes for artifact in artifacts)
        log.info("downloaded", files=len(artifacts), bytes=stored, route=task.route)
        metrics.STORED_BYTES.inc(stored)
        metrics.MOVES.labels(State.DOWNLOADED.value, task.route).inc()

    def _artifact(self, task: Task, n: int, one: Whole) -> Artifact:
        key = key_for(task.id, n, one.sha256, one.media.type)
        media = one.media
        return Artifact(
            n, key, media.type, one.bytes, one.sha256, media.width, media.height, media.duration_s
        )

    async def _try_later(self, task: Task, seen: Observation, calls: list[Call], trouble: str | None) -> None:
        since = (datetime.now(UTC) - (task.finished_at or task.created_at)).total_seconds()
        wait = seconds(seen.retry_after_s or min(max(since / 3, 0.5), _SLOWEST_RETRY_S))
        risk, at_risk = Parked.ARTIFACT_AT_RISK, since > _AT_RISK_AFTER_S
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, calls)
            parked = at_risk and await ledger.tasks.park(task, risk, wait, "worker", trouble)
            if not parked:
                await ledger.tasks.postpone(task, wait)
        if parked:
            metrics.PARKED.labels(risk.value, task.route).inc()
        log.warning("not_downloaded", trouble=trouble, again_in_s=wait.total_seconds())

    async def _withdrawn(self, task: Task, asked: Driven) -> None:
        """The upstream had said that it was done, and now says that it failed."""
        move = Move(State.FAILED, "provider", "upstream_withdrew_result", failure=asked.observation.failure)
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, asked.calls)
            await ledger.tasks.advance(task, move)
        log.warning("withdrawn", route=task.route)
