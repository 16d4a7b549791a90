"""One look at a task upstream: ask, compare, and write only what changed."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from structlog.stdlib import get_logger

from schemas.failures import Failure
from schemas.lifecycle import Parked, State, may_move
from schemas.task import Task
from schemas.upstream import Observation
from tasks_service import metrics
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move
from workers.evidence import Exchange
from workers.step import seconds
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()

_SLOWEST_S = 60.0
_SLOWEST_AFTER_TROUBLE_S = 30.0
_PROGRESS_STEP = 5  # percentage points worth a write
_STRANGE_LOOKS = 10  # unknown words in a row before a person is asked


@dataclass(slots=True)
class Watched:
    """A task under watch, and what its upstream said last."""

    task: Task
    place: int = 0
    meaning: object = None
    call_id: UUID | None = None
    repeats: int = 0
    repeated_at: datetime | None = None
    troubles: int = 0
    strange: int = 0
    cancel_tried: bool = False


class Look:
    """Asks a provider how a task is doing."""

    def __init__(self, bench: Workbench):
        self._bench = bench

    def first_wait_s(self, task: Task) -> float:
        """Seconds until a task that was just claimed is worth a look: none, unless it is very young."""
        age_s = self._age_s(task)
        return max(self._bench.pace(task, 0).total_seconds() - age_s, 0) if age_s > 0 else 0

    async def at(self, watched: Watched) -> float | None:
        """Look once; the seconds to the next look, or None where there is nothing more to see.

        Raises Outrun where the task has been taken over.
        """
        task = watched.task
        upstream = self._bench.upstream_of(task)
        if upstream is None or task.upstream_id is None:
            log.error("route_not_configured", route=task.route)
            return _SLOWEST_S
        driven = await self._ask(watched, upstream, task.upstream_id)
        seen = driven.observation
        if seen.state is not None and seen.state is not task.state and may_move(task.state, seen.state):
            return await self._move(watched, driven)
        if _meaning(driven) == watched.meaning:
            watched.repeats += 1
            watched.repeated_at = driven.last.sent_at if driven.last else None
        else:
            await self._remember(watched, driven)
        await self._note_progress(watched, seen)
        return await self._next(watched, seen)

    async def _ask(self, watched: Watched, upstream: Upstream, upstream_id: str) -> Driven:
        timeout_s = self._bench.settings.call_timeout_s
        attempt = watched.task.attempt
        cancel = upstream.provider.cancel
        if watched.task.cancel_requested_at is not None and cancel is not None and not watched.cancel_tried:
            driven = await upstream.drive(cancel(upstream_id), "cancel", attempt, timeout_s)
            # An answer that was none leaves the wish standing.
            watched.cancel_tried = driven.last is not None and _answered(driven.last)
            return driven
        return await upstream.drive(upstream.provider.poll(upstream_id), "poll", attempt, timeout_s)

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
            result_expires_at=min((f.expires_at for f in seen.files if f.expires_at), default=None),
            failure=seen.failure if seen.state is State.FAILED else None,
        )
        async with self._bench.ledger.transaction() as ledger:
            await self._flush(ledger, watched)
            await ledger.history.record(task.id, driven.calls)
            moved = await ledger.tasks.advance(task, move)
        watched.task = moved
        self._now_known(watched, driven)
        self._count(watched.task, seen.failure)
        if ours:
            await self._bench.doorbell.ring("download")
        return self._pace_s(watched) if more else None

    async def _remember(self, watched: Watched, driven: Driven) -> None:
        async with self._bench.ledger.transaction() as ledger:
            await self._flush(ledger, watched)
            await ledger.history.record(watched.task.id, driven.calls)
        self._now_known(watched, driven)

    def _now_known(self, watched: Watched, driven: Driven) -> None:
        """Only what was committed counts as known."""
        watched.meaning = _meaning(driven)
        watched.call_id = driven.calls[-1].id if driven.calls else None
        watched.repeats, watched.repeated_at = 0, None

    async def _flush(self, ledger: Ledger, watched: Watched) -> None:
        """The count of equal answers is written when another answer comes."""
        if watched.call_id is not None and watched.repeats and watched.repeated_at is not None:
            await ledger.history.repeat(
                watched.task.id, watched.call_id, watched.repeats, watched.repeated_at
            )

    async def _note_progress(self, watched: Watched, seen: Observation) -> None:
        known = watched.task.progress or 0
        if seen.progress is None or not known + _PROGRESS_STEP <= seen.progress <= 100:
            return
        watched.task = await self._bench.ledger.tasks.note_progress(watched.task, seen.progress)

    async def _next(self, watched: Watched, seen: Observation) -> float:
        if seen.state is not None:
            watched.troubles = watched.strange = 0
            return self._pace_s(watched)
        if seen.status is not None:
            watched.strange += 1
            metrics.UNRECOGNISED.labels(watched.task.route).inc()
            if watched.strange >= _STRANGE_LOOKS and watched.task.parked is None:
                await self._park(watched, seen.status)
            return self._pace_s(watched)
        watched.troubles += 1
        backed_off = self._bench.pace(watched.task, 0).total_seconds() * 2 ** min(watched.troubles, 8)
        return seen.retry_after_s or min(backed_off, _SLOWEST_AFTER_TROUBLE_S)

    async def _park(self, watched: Watched, word: str) -> None:
        why = Parked.UNRECOGNISED_STATUS
        lease = self._bench.settings.lease
        if await self._bench.ledger.tasks.park(
            watched.task, why, lease, "worker", f"the upstream says {word!r}"
        ):
            watched.task = replace(watched.task, parked=why)
            metrics.PARKED.labels(why.value, watched.task.route).inc()
            log.warning("parked", reason=why.value, status=word)

    def _pace_s(self, watched: Watched) -> float:
        return self._bench.pace(watched.task, self._age_s(watched.task)).total_seconds()

    def _age_s(self, task: Task) -> float:
        return (datetime.now(UTC) - (task.queued_at or task.created_at)).total_seconds()

    def _count(self, task: Task, failure: Failure | None) -> None:
        log.info("moved", to_state=task.state.value, route=task.route)
        metrics.MOVES.labels(task.state.value, task.route).inc()
        if task.state is State.FAILED and failure is not None:
            metrics.FAILURES.labels(failure.kind.value, task.route).inc()


def _meaning(driven: Driven) -> object:
    """What makes two answers the same to people; progress, request ids and dates do not count."""
    seen, last = driven.observation, driven.last
    asked = last and (last.purpose, last.reply and last.reply.status, last.trouble)
    return asked, seen.state, seen.status, seen.failure and (seen.failure.kind, seen.failure.code)


def _answered(exchange: Exchange) -> bool:
    return exchange.reply is not None and exchange.reply.status < 500
