"""Brings the files of a finished task home: from the upstream, whole, into the store."""

from dataclasses import dataclass, field
from pathlib import Path

from structlog.stdlib import get_logger

from schemas.failures import FailureKind
from schemas.lifecycle import State
from schemas.task import Artifact, Task
from schemas.upstream import Job, Observation
from tasks_service.artifacts import StoreAway, key_for
from tasks_service.failpoints import reached
from tasks_service.ledger.history import Call
from workers.fetch import Fetched, Fetcher, Whole
from workers.partial import clear_place, place_for
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()


@dataclass(frozen=True, slots=True)
class Home:
    """What came of one go: every file of the task in our store, or none; and the exchanges that it took."""

    artifacts: list[Artifact]
    calls: list[Call]
    trouble: str | None
    seen: Observation  # the latest look
    gone: bool  # whether that look, too, leads to no file


@dataclass(slots=True)
class _Go:
    """One go at all files of a task, so far."""

    asked: Driven
    calls: list[Call] = field(default_factory=list[Call])
    whole: list[Whole] = field(default_factory=list[Whole])
    trouble: str | None = None
    looked_again: bool = False
    dead: bool = False


class Bringer:
    """Fetches what a look has found and stores it; the ledger is left to whoever asked."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._fetcher = Fetcher(bench)

    async def look(self, task: Task, upstream: Upstream) -> Driven:
        """Ask how the task is. Links are signed and die, so none is stored, and each go needs fresh ones."""
        flow = upstream.provider.poll(Job(task.upstream_id or "", task.endpoint))
        return await upstream.drive(flow, "poll", task.attempt, self._bench.settings.call_timeout_s)

    async def bring_home(self, task: Task, upstream: Upstream, asked: Driven, first: int = 0) -> Home:
        """Every file that the look found, whole and in our store; or none, and what was in the way.

        `first` is the number of the first one among the task's artifacts.
        """
        go = _Go(asked, list(asked.calls))
        artifacts: list[Artifact] = []
        try:
            # What is left unfinished stays here, so that the next go asks only for the rest.
            with place_for(self._bench.incoming, task.id) as place:
                complete = await self._fetch_all(task, upstream, go, place)
                artifacts = await self._store(task, go, first) if complete else []
        except OSError as error:
            # Full, read-only or gone: it looks like a ledger that is away only to who does not look closely.
            log.error("disk_trouble", error=repr(error))
            go.trouble = f"our disk: {error.strerror or type(error).__name__}"
        return Home(artifacts, go.calls, go.trouble, go.asked.observation, _is_gone(upstream, go))

    def clear(self, task: Task) -> None:
        """Forget what is left of its files on their way: they are on record as ours, or never will be."""
        clear_place(self._bench.incoming, task.id)

    async def _fetch_all(self, task: Task, upstream: Upstream, go: _Go, place: Path) -> bool:
        while len(go.whole) < len(files := go.asked.observation.files):
            n = len(go.whole)
            self._note(go, await self._fetcher.fetch(task, upstream, files[n], place / str(n)))
            if len(go.whole) == n and not await self._has_fresh_links(task, upstream, go):
                return False
        if go.whole:
            await reached("download.fetched")
        return bool(go.whole)

    def _note(self, go: _Go, got: Fetched) -> None:
        go.calls += got.calls
        go.trouble, go.dead = got.calls[-1].trouble, got.dead
        if got.whole is not None:
            go.whole.append(got.whole)

    async def _has_fresh_links(self, task: Task, upstream: Upstream, go: _Go) -> bool:
        """Once in a go: where a link has died, all are asked for anew."""
        if not go.dead or go.looked_again:
            return False
        go.asked = await self.look(task, upstream)
        go.calls += go.asked.calls
        go.looked_again, go.dead = True, False
        # From the first on: what is here is only asked whether it is still the same, should they come in
        # another order now.
        go.whole.clear()
        return bool(go.asked.observation.files)

    async def _store(self, task: Task, go: _Go, first: int) -> list[Artifact]:
        artifacts = [_artifact(task, n, one) for n, one in enumerate(go.whole, first)]
        try:
            for artifact, one in zip(artifacts, go.whole, strict=True):
                await self._bench.artifacts.put(artifact.key, one.file)
        except StoreAway as error:
            log.error("store_away", error=str(error))
            go.trouble = f"our store: {error}"
            return []
        await reached("download.stored")
        return artifacts


def _is_gone(upstream: Upstream, go: _Go) -> bool:
    """Whether fresh links are dead as well, or the upstream says that it has no files, or no such task."""
    seen, last = go.asked.observation, go.asked.last
    if seen.files:
        return go.dead and go.looked_again
    if seen.failure is not None and seen.failure.kind is FailureKind.TASK_NOT_FOUND:
        return True
    # Finished and without files is not understood where a task is watched; here it means what it says.
    ready = upstream.provider.states.get(seen.status or "") is State.DONE
    return ready and last is not None and last.reply is not None and last.reply.ok


def _artifact(task: Task, n: int, one: Whole) -> Artifact:
    key, media = key_for(task.id, n, one.sha256, one.media.type), one.media
    return Artifact(n, key, media.type, one.bytes, one.sha256, media.width, media.height, media.duration_s)
