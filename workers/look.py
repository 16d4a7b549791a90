"""One look at a task upstream: ask, compare, and write only what changed."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State, may_move
from schemas.task import Claimed
from schemas.upstream import Job, Observation
from tasks_service import metrics
from tasks_service.failpoints import reached
from tasks_service.ledger.history import Repeat
from tasks_service.ledger.tasks import Move
from workers.changes import Change, Changes
from workers.hold import hold_unrouted
from workers.patience import CALM, Patience, Signs
from workers.step import seconds
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()

_PROGRESS_STEP = 5  # percentage points worth a write


@dataclass(slots=True)
class Watched:
    """A task under watch, and what its upstream said last."""

    task: Claimed
    place: int = 0
    due: float = 0.0  # both on the loop's clock
    looked_at: float = -math.inf
    rung: bool = False  # while a look was under way, which may have been answered before
    meaning: object = None
    call_id: bytes | None = None  # half of what a UUID takes
    repeats: int = 0
    repeated_at: datetime | None = None
    signs: Signs = CALM
    cancel_tried: bool = False


class Look:
    """Asks a provider how a task is doing."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._patience = Patience(bench)
        self._changes = Changes(bench.ledger)

    async def finish(self, wait_s: float) -> None:
        """Wait for what was learnt and is being written."""
        await self._changes.finish(wait_s)

    def first_wait_s(self, task: Claimed) -> float:
        """Seconds until a task that was just claimed is worth a look: none, unless it is very young."""
        age_s = self._bench.since_s(task.upstream_since)
        return max(self._bench.pace(task, 0).total_seconds() - age_s, 0) if age_s > 0 else 0

    async def at(self, watched: Watched) -> float | None:
        """Look once; the seconds to the next look, or None where there is nothing more to see.

        Raises Outrun where the task has been taken over.
        """
        task = watched.task
        upstream = self._bench.upstream_of(task)
        if upstream is None or task.upstream_id is None:
            # It is let go of, and comes back when it is due.
            await hold_unrouted(self._bench, await self._bench.ledger.tasks.held(task))
            return None
        await reached("poll.before_look")
        driven = await self._ask(watched, upstream, Job(task.upstream_id, task.endpoint))
        await reached("poll.answered")
        seen = driven.observation
        if seen.state is not None and seen.state is not task.state and may_move(task.state, seen.state):
            return await self._move(watched, driven)
        self._obey(task.route, seen)
        watched.signs = watched.signs.after(seen)
        if end := await self._patience.end_of(task, upstream, watched.signs):
            return await self._give_up(watched, driven, end)
        await self._remember(watched, driven)
        watched.task = await self._patience.parked(watched.task, watched.signs)
        return self._patience.wait_s(watched.task, watched.signs, seen)

    def _obey(self, route: str, seen: Observation) -> None:
        """An upstream that says when to come back means all of us, not this one task."""
        limited = seen.failure is not None and seen.failure.kind is FailureKind.RATE_LIMITED
        if seen.state is None and limited and seen.retry_after_s:
            self._bench.shares.quiet(route, seen.retry_after_s)

    async def _give_up(self, watched: Watched, driven: Driven, end: Failure) -> None:
        """Over for us; what its upstream may still make of it is looked for now and then."""
        task = watched.task
        move = Move(State.FAILED, "worker", end.kind.value, detail=end.message or None, failure=end)
        async with self._bench.ledger.transaction() as ledger:
            await ledger.history.repeat([repeat] if (repeat := _repeat(watched)) else [])
            await ledger.history.record(task.id, driven.calls)
            watched.task = await ledger.tasks.advance(task, move)
            await ledger.late.begin(task.id, seconds(self._bench.settings.late_wait_s))
            await reached("poll.ending")
        self._count(watched.task, end)

    async def _ask(self, watched: Watched, upstream: Upstream, job: Job) -> Driven:
        timeout_s = self._bench.settings.call_timeout_s
        attempt = watched.task.attempt
        cancel = upstream.provider.cancel
        if watched.task.cancel_requested and cancel is not None and not watched.cancel_tried:
            driven = await upstream.drive(cancel(job), "cancel", attempt, timeout_s)
            await reached("poll.cancel_answered")
            # An answer that was none leaves the wish standing.
            watched.cancel_tried = _was_heard(driven)
            return driven
        return await upstream.drive(upstream.provider.poll(job), "poll", attempt, timeout_s)

    async def _move(self, watched: Watched, driven: Driven) -> float | None:
        task, seen = watched.task, driven.observation
        assert seen.state is not None
        more = seen.state in (State.QUEUED, State.RUNNING)
        ours = seen.state is State.DONE
        move = Move(
            seen.state,
            "provider",
            "upstream_said" if seen.status is None else f"upstream_said:{seen.status}"[:100],
            self._bench.settings.lease if more else seconds(0) if ours else None,
            progress=seen.progress,
            result_expires_at=self._until_kept(task, seen) if ours else None,
            failure=seen.failure if seen.state is State.FAILED else None,
        )
        moved = await self._changes.write(Change(task, driven.calls, _repeat(watched), move))
        await reached("poll.moved")
        watched.task = moved
        watched.signs = watched.signs.after(seen)
        self._now_known(watched, driven)
        self._count(watched.task, seen.failure)
        if ours:
            await self._bench.doorbell.ring("download")
        return self._patience.wait_s(moved, watched.signs, seen) if more else None

    def _until_kept(self, task: Claimed, seen: Observation) -> datetime | None:
        """Until when the upstream keeps the files: what it says now, or what its pages promise."""
        upstream = self._bench.upstream_of(task)
        life_s = upstream.provider.result_life_s if upstream else None
        promised = self._bench.ledger.tasks.clock.now() + timedelta(seconds=life_s) if life_s else None
        return min((file.expires_at for file in seen.files if file.expires_at), default=promised)

    async def _remember(self, watched: Watched, driven: Driven) -> None:
        """Write down an answer that is another than the last, and progress where it is worth a write."""
        progress, known = _progress(watched.task, driven.observation), _meaning(driven) == watched.meaning
        if known:
            watched.repeats += 1
            watched.repeated_at = driven.last.sent_at if driven.last else None
        if known and progress is None:
            return
        news = () if known else driven.calls
        change = Change(watched.task, news, None if known else _repeat(watched), progress=progress)
        watched.task = await self._changes.write(change)
        if progress is not None:
            await reached("poll.progress_noted")
        if not known:
            self._now_known(watched, driven)

    def _now_known(self, watched: Watched, driven: Driven) -> None:
        """Only what was committed counts as known."""
        watched.meaning = _meaning(driven)
        watched.call_id = driven.calls[-1].id.bytes if driven.calls else None
        watched.repeats, watched.repeated_at = 0, None

    def _count(self, task: Claimed, failure: Failure | None) -> None:
        log.info("moved", to_state=task.state.value, route=task.route)
        metrics.MOVES.labels(task.state.value, task.route).inc()
        if task.state is State.FAILED and failure is not None:
            metrics.FAILURES.labels(failure.kind.value, task.route).inc()


def _repeat(watched: Watched) -> Repeat | None:
    """The count of equal answers is written when another answer comes."""
    if watched.call_id is None or not watched.repeats or watched.repeated_at is None:
        return None
    return Repeat(watched.task.id, UUID(bytes=watched.call_id), watched.repeats, watched.repeated_at)


def _progress(task: Claimed, seen: Observation) -> int | None:
    """How far it is, where that is news."""
    known = task.progress or 0
    if seen.progress is None or not known + _PROGRESS_STEP <= seen.progress <= 100:
        return None
    return seen.progress


def _meaning(driven: Driven) -> object:
    """What makes two answers the same to people; progress, request ids and dates do not count."""
    seen, last = driven.observation, driven.last
    asked = (last.purpose, last.reply and last.reply.status, last.trouble) if last else ()
    failed = (seen.failure.kind, seen.failure.code) if seen.failure else ()
    return _shared((*asked, seen.state, seen.status, *failed))


@lru_cache(maxsize=1024)
def _shared(meaning: tuple[object, ...]) -> object:
    """The same for all tasks of which it is said, since a worker watches many."""
    return meaning


def _was_heard(driven: Driven) -> bool:
    """Whether a wish to cancel was answered: it, and not a look that goes before or after it."""
    asks = [exchange for exchange in driven.exchanges if exchange.ask.method != "GET"]
    own = asks[-1] if asks else driven.last
    return own is not None and own.reply is not None and _is_about_the_task(own.reply.status)


def _is_about_the_task(status: int) -> bool:
    """Not about our key, nor about how much the upstream has to do."""
    return status < 500 and status not in (401, 403, 408, 429)
