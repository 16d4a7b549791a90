"""The submit step: the only one that spends money."""

import asyncio
from dataclasses import replace
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
from workers.evidence import Exchange
from workers.step import Step, seconds
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()

_SLOWEST_RETRY_S = 60.0
_SLOWEST_RECORD_S = 5.0


class Submit(Step):
    """Intention first, then the paid request, then what became of it: confirmed, not created or unknown."""

    name = "submit"
    states = (State.SUBMITTED,)
    whole = True

    def __init__(self, bench: Workbench):
        super().__init__(bench)
        self._recordings: set[asyncio.Task[None]] = set()

    async def stop(self, wait_s: float) -> None:
        """What was learnt about paid work is recorded even when time is up."""
        await super().stop(wait_s)
        if self._recordings:
            await asyncio.wait(self._recordings, timeout=_SLOWEST_RECORD_S)

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
        await self._send(task, upstream, reference, task.attempt + 1, first=True)

    async def _adopt(self, task: Task) -> None:
        """The answer came after its worker had lost the task: take up what it confirmed."""
        attempts = await self.bench.ledger.spends.attempts(task)
        upstream_id = attempts[-1]["upstream_id"]
        move = Move(State.QUEUED, "worker", "upstream_accepted", seconds(0), upstream_id=upstream_id)
        await self.bench.ledger.tasks.advance(task, move)
        await self.bench.doorbell.ring("poll")

    async def _find_again(self, task: Task, upstream: Upstream) -> None:
        """Somebody began to send this and nobody knows what came of it."""
        if upstream.provider.recovery is Recovery.IDEMPOTENCY_KEY and not self._too_old(task):
            await self._send(task, upstream, reference_of(task, task.attempt), task.attempt, first=False)
        else:
            await self._leave_to_a_person(task, task.attempt, upstream.driven(Observation()))

    async def _send(
        self, task: Task, upstream: Upstream, reference: str, attempt: int, *, first: bool
    ) -> None:
        exchanges: list[Exchange] = []
        try:
            observation = await self._ask(task, upstream, reference, attempt, exchanges)
        except asyncio.CancelledError:
            # We are being stopped in the middle of a paid request: say so before going.
            await self._record(task, upstream, attempt, upstream.driven(Observation(), exchanges))
            raise
        if not first and observation.spend is Spend.NOT_CREATED:
            # A refusal now says nothing about the request before it, which may have been paid.
            observation = replace(observation, state=None, spend=Spend.UNKNOWN)
        await self._record(task, upstream, attempt, upstream.driven(observation, exchanges))

    async def _ask(
        self, task: Task, upstream: Upstream, reference: str, attempt: int, exchanges: list[Exchange]
    ) -> Observation:
        model = self.bench.model_of(task)
        if model is None:
            gone = Failure(FailureKind.MODEL_NOT_FOUND, f"{task.provider} no longer offers {task.model}")
            return Observation(spend=Spend.NOT_CREATED, failure=gone)
        flow = upstream.provider.submit(Submission(task.request, model, reference))
        timeout_s = self.bench.settings.submit_timeout_s
        return (await upstream.drive(flow, "submit", attempt, timeout_s, exchanges)).observation

    async def _record(self, task: Task, upstream: Upstream, attempt: int, driven: Driven) -> None:
        """Shielded: whoever cancels the act does not cancel what must be written down."""
        recording = asyncio.create_task(self._settle_patiently(task, upstream, attempt, driven))
        self._recordings.add(recording)
        recording.add_done_callback(self._recordings.discard)
        await asyncio.shield(recording)

    async def _settle_patiently(self, task: Task, upstream: Upstream, attempt: int, driven: Driven) -> None:
        """What was learnt about paid work is worth waiting for a ledger that is away."""
        pause = 0.2
        while True:
            try:
                await self._settle(task, upstream, attempt, driven)
                return
            except Outrun:
                await self._record_late(task, upstream, attempt, driven)
                return
            except Taken:
                # The commit that seemed to fail had succeeded: the same calls are on record.
                return
            except UNAVAILABLE as error:
                seen = driven.observation
                # In the log too, should the ledger stay away longer than we live.
                log.warning(
                    "not_recorded_yet", error=repr(error), spend=seen.spend, upstream_id=seen.upstream_id
                )
            except Exception:
                log.error(
                    "not_recorded", spend=driven.observation.spend, upstream_id=driven.observation.upstream_id
                )
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, _SLOWEST_RECORD_S)

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
        log.info("submitted", task=task_id_text(task.id), upstream_id=seen.upstream_id, route=task.route)
        metrics.MOVES.labels(state.value, task.route).inc()
        await self.bench.doorbell.ring("poll")

    async def _not_created(self, task: Task, attempt: int, driven: Driven) -> None:
        failure = driven.observation.failure or Failure(FailureKind.UNKNOWN)
        again = MEANINGS[failure.kind].transient and not self._given_up(task)
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

    async def _record_late(self, task: Task, upstream: Upstream, attempt: int, driven: Driven) -> None:
        """The lease ran out while the upstream was answering; its answer is true all the same.

        Whoever holds the task now will find it, and is woken for it. A refusal counts only where nobody else
        can have sent the same reference again.
        """
        seen = driven.observation
        alone = upstream.provider.recovery is not Recovery.IDEMPOTENCY_KEY
        certain = seen.spend is Spend.CONFIRMED or (seen.spend is Spend.NOT_CREATED and alone)
        async with self.bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, driven.calls)
            settled = certain and await ledger.spends.settle(task, attempt, seen.spend, seen.upstream_id)
        log.warning("answered_late", spend=seen.spend, upstream_id=seen.upstream_id, settled=settled)

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
        """Whether the upstream may have forgotten our reference, so that sending it again could pay again."""
        upstream = self.bench.upstream_of(task)
        window_s = upstream.provider.recovery_window_s if upstream else 0
        return self._age_s(task) > min(window_s, self.bench.settings.submit_give_up_s)

    def _given_up(self, task: Task) -> bool:
        return self._age_s(task) > self.bench.settings.submit_give_up_s

    def _age_s(self, task: Task) -> float:
        return (datetime.now(UTC) - task.created_at).total_seconds()
