"""The submit step: the only one that spends money."""

import asyncio
from datetime import UTC, datetime

from structlog.stdlib import get_logger

from schemas.failures import MEANINGS, Failure, FailureKind
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task
from schemas.upstream import Observation, Recovery, Submission
from tasks_service import metrics
from tasks_service.ledger.connection import UNAVAILABLE, Taken
from tasks_service.ledger.spend import reference_of
from tasks_service.ledger.tasks import Move, Outrun
from workers.step import Step, seconds
from workers.upstream import Driven, Upstream

log = get_logger()

_SLOWEST_RETRY_S = 60.0
# On a second try with the same reference these say nothing about the first one.
_SAYS_NOTHING = frozenset({FailureKind.AUTH_INVALID, FailureKind.QUOTA_EXHAUSTED, FailureKind.UNKNOWN})


class Submit(Step):
    """Intention first, then the paid request, then what became of it: confirmed, not created or unknown."""

    name = "submit"
    states = (State.SUBMITTED,)

    async def act(self, task: Task) -> None:
        """Send a task to its provider once."""
        upstream = self.bench.upstream_of(task)
        if upstream is None:
            await self.bench.ledger.tasks.postpone(task, seconds(_SLOWEST_RETRY_S))
            log.error("route_not_configured", route=task.route)
        elif task.spend is Spend.CONFIRMED:
            await self._adopt(task)
        elif task.spend in (Spend.INTENDED, Spend.UNKNOWN):
            await self._find_again(task, upstream)
        elif task.cancel_requested_at is not None:
            await self._fail(task, Failure(FailureKind.CANCELED), "canceled")
        else:
            await self._spend(task, upstream)

    async def _spend(self, task: Task, upstream: Upstream) -> None:
        reference = await self.bench.ledger.spends.intend(task)
        if reference is None:
            log.warning("not_sent", reason="an earlier request may have been paid")
            return
        attempt = task.attempt + 1
        driven = await self._send(task, upstream, reference, attempt)
        await self._record(task, upstream, attempt, driven)

    async def _adopt(self, task: Task) -> None:
        """The answer came after its worker had lost the task: take up what it confirmed."""
        attempts = await self.bench.ledger.spends.attempts(task)
        upstream_id = attempts[-1]["upstream_id"]
        move = Move(State.QUEUED, "worker", "upstream_accepted", seconds(0), upstream_id=upstream_id)
        await self.bench.ledger.tasks.advance(task, move)
        await self.bench.doorbell.ring("poll")

    async def _find_again(self, task: Task, upstream: Upstream) -> None:
        """Somebody began to send this and nobody knows what came of it."""
        if upstream.provider.recovery is not Recovery.IDEMPOTENCY_KEY:
            await self._leave_to_a_person(task, task.attempt, Driven(Observation(), ()))
            return
        driven = await self._send(task, upstream, reference_of(task, task.attempt), task.attempt)
        failure = driven.observation.failure
        if driven.observation.spend is Spend.NOT_CREATED and (failure is None or _says_nothing(failure)):
            driven = Driven(
                Observation(failure=failure, retry_after_s=driven.observation.retry_after_s), driven.calls
            )
        await self._record(task, upstream, task.attempt, driven)

    async def _send(self, task: Task, upstream: Upstream, reference: str, attempt: int) -> Driven:
        model = self.bench.model_of(task)
        if model is None:
            gone = Failure(FailureKind.MODEL_NOT_FOUND, f"{task.provider} no longer offers {task.model}")
            return Driven(Observation(spend=Spend.NOT_CREATED, failure=gone), ())
        flow = upstream.provider.submit(Submission(task.request, model, reference))
        try:
            return await upstream.drive(flow, "submit", attempt, self.bench.settings.submit_timeout_s)
        except asyncio.CancelledError:
            # We are being stopped in the middle of a paid request: say so before going.
            await asyncio.shield(self.bench.ledger.spends.settle(task, attempt, Spend.UNKNOWN, None))
            raise

    async def _record(self, task: Task, upstream: Upstream, attempt: int, driven: Driven) -> None:
        """What was learnt about paid work is worth waiting for a ledger that is away."""
        for pause in (0.2, 0.5, 1, 2, 4, 8, None):
            try:
                await self._settle(task, upstream, attempt, driven)
                return
            except Taken:
                # The commit that seemed to fail had succeeded: the same calls are on record.
                return
            except UNAVAILABLE:
                if pause is None:
                    raise
                await asyncio.sleep(pause)

    async def _settle(self, task: Task, upstream: Upstream, attempt: int, driven: Driven) -> None:
        match driven.observation.spend:
            case Spend.CONFIRMED:
                await self._confirmed(task, attempt, driven)
            case Spend.NOT_CREATED:
                await self._not_created(task, attempt, driven)
            case _ if upstream.provider.recovery is Recovery.IDEMPOTENCY_KEY and not self._too_old(task):
                await self._try_same_again(task, attempt, driven)
            case _:
                await self._leave_to_a_person(task, attempt, driven)

    async def _confirmed(self, task: Task, attempt: int, driven: Driven) -> None:
        seen = driven.observation
        state = State.RUNNING if seen.state is State.RUNNING else State.QUEUED
        move = Move(
            state,
            "worker",
            "upstream_accepted",
            seconds(0),
            upstream_id=seen.upstream_id,
            progress=seen.progress,
        )
        try:
            async with self.bench.ledger.transaction() as ledger:
                await ledger.history.record(task.id, driven.calls)
                await ledger.spends.settle(task, attempt, Spend.CONFIRMED, seen.upstream_id)
                await ledger.tasks.advance(task, move)
        except Taken as taken:
            if taken.guard != "one_task_per_upstream_id":
                raise
            # The upstream gave us an id that another task has: whatever it made, it is not known to be ours.
            log.error("upstream_id_taken", upstream_id=seen.upstream_id)
            await self._leave_to_a_person(task, attempt, driven)
            return
        except Outrun:
            # The lease ran out while the upstream was answering. What it answered is true all the same;
            # whoever holds the task now will find it.
            async with self.bench.ledger.transaction() as ledger:
                await ledger.history.record(task.id, driven.calls)
                await ledger.spends.settle(task, attempt, Spend.CONFIRMED, seen.upstream_id)
            log.warning("confirmed_late", upstream_id=seen.upstream_id)
            return
        log.info("submitted", task=task_id_text(task.id), upstream_id=seen.upstream_id, route=task.route)
        metrics.MOVES.labels(state.value, task.route).inc()
        await self.bench.doorbell.ring("poll")

    async def _not_created(self, task: Task, attempt: int, driven: Driven) -> None:
        failure = driven.observation.failure or Failure(FailureKind.UNKNOWN)
        again = MEANINGS[failure.kind].transient and not self._too_old(task)
        wait = driven.observation.retry_after_s or min(2.0**attempt, _SLOWEST_RETRY_S)
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, driven.calls)
            await ledger.spends.settle(task, attempt, Spend.NOT_CREATED, None)
            if again:
                await ledger.tasks.postpone(task, seconds(wait))
            else:
                await ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=failure))
        if not again:
            self._count_failure(task, failure)

    async def _try_same_again(self, task: Task, attempt: int, driven: Driven) -> None:
        wait = driven.observation.retry_after_s or min(max(self._age_s(task) / 4, 0.5), _SLOWEST_RETRY_S)
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, driven.calls)
            await ledger.spends.settle(task, attempt, Spend.UNKNOWN, None)
            await ledger.tasks.postpone(task, seconds(wait))

    async def _leave_to_a_person(self, task: Task, attempt: int, driven: Driven) -> None:
        """It may have been paid, and the upstream offers no way to find out: never again by a timer."""
        wait = seconds(self.bench.settings.parked_wait_s)
        failure = driven.observation.failure
        words = (failure.message or failure.code) if failure else None
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, driven.calls)
            await ledger.spends.settle(task, attempt, Spend.UNKNOWN, None)
            parked = await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, wait, "worker", words)
            if not parked:
                await ledger.tasks.postpone(task, wait)
        if parked:
            log.warning("parked", reason="outcome_unknown", route=task.route)
            metrics.PARKED.labels("outcome_unknown", task.route).inc()

    async def _fail(self, task: Task, failure: Failure, cause: str) -> None:
        await self.bench.ledger.tasks.advance(task, Move(State.FAILED, "worker", cause, failure=failure))
        self._count_failure(task, failure)

    def _count_failure(self, task: Task, failure: Failure) -> None:
        log.info("failed", kind=failure.kind.value, route=task.route)
        metrics.MOVES.labels(State.FAILED.value, task.route).inc()
        metrics.FAILURES.labels(failure.kind.value, task.route).inc()

    def _too_old(self, task: Task) -> bool:
        return self._age_s(task) > self.bench.settings.submit_give_up_s

    def _age_s(self, task: Task) -> float:
        return (datetime.now(UTC) - task.created_at).total_seconds()


def _says_nothing(failure: Failure) -> bool:
    return failure.kind in _SAYS_NOTHING or MEANINGS[failure.kind].transient
