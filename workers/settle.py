"""What became of a paid request goes on record: confirmed, not created, or unknown."""

import asyncio
from dataclasses import replace

from structlog.stdlib import get_logger
from uuid_utils.compat import uuid7

from schemas.failures import MEANINGS, Failure, FailureKind
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task
from schemas.upstream import Observation, Recovery
from tasks_service import metrics
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import UNAVAILABLE, Taken
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move, Outrun
from workers.case import Case
from workers.hold import put_aside
from workers.overtaken import Overtaken
from workers.step import seconds
from workers.upstream import Driven
from workers.workbench import Workbench

log = get_logger()

_SLOWEST_RETRY_S = 60.0
_SLOWEST_RECORD_S = 5.0
_SLOWEST_ASKING_S = 3600.0
# Reasons of notes that say what an upstream's silence is worth from now on.
REFERENCE_TAKEN, NEVER_ARRIVED = "reference_taken", "never_arrived"
_SAID_TO_BE_NONE = "not_created"  # by a person


class Settler:
    """Records outcomes, patiently: what was learnt about paid work is never dropped while we live."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._overtaken = Overtaken(bench)
        self._recordings: set[asyncio.Task[None]] = set()

    async def finish(self, wait_s: float) -> None:
        """Wait for what is being recorded."""
        if self._recordings:
            await asyncio.wait(self._recordings, timeout=wait_s)

    async def record(self, case: Case, driven: Driven, cause: str = "upstream_accepted") -> None:
        """Shielded: whoever cancels the act does not cancel what must be written down."""
        recording = asyncio.create_task(self._patiently(case, driven, cause))
        self._recordings.add(recording)
        recording.add_done_callback(self._recordings.discard)
        await asyncio.shield(recording)

    async def _patiently(self, case: Case, driven: Driven, cause: str) -> None:
        seen, pause, overtaken = driven.observation, 0.2, False
        while True:
            try:
                await reached("submit.before_settle")
                await (
                    self._overtaken.record(case, driven) if overtaken else self._settle(case, driven, cause)
                )
                await reached("submit.settled")
                return
            except Outrun:
                overtaken = True
                continue
            except Taken:
                # The commit that seemed to fail had succeeded: the same calls are on record.
                return
            except UNAVAILABLE as error:
                # In the log too, should the ledger stay away longer than we live.
                log.warning(
                    "not_recorded_yet", error=repr(error), spend=seen.spend, upstream_id=seen.upstream_id
                )
            except Exception as error:
                log.error("not_recorded", error=repr(error), spend=seen.spend, upstream_id=seen.upstream_id)
                if not driven.exchanges:
                    raise
                # Whatever is wrong with the evidence, the outcome is worth more.
                driven = replace(driven, exchanges=())
                continue
            await asyncio.sleep(pause)
            pause = min(pause * 2, _SLOWEST_RECORD_S)

    async def _settle(self, case: Case, driven: Driven, cause: str) -> None:
        match driven.observation.spend:
            case Spend.CONFIRMED:
                await self._confirmed(case, driven, cause)
            case Spend.NOT_CREATED:
                await self._not_created(case, driven)
            case _:
                await self._unknown(case, driven)

    async def _confirmed(self, case: Case, driven: Driven, cause: str) -> None:
        task, seen = case.task, driven.observation
        state = State.RUNNING if seen.state is State.RUNNING else State.QUEUED
        move = Move(state, "worker", cause, seconds(0), upstream_id=seen.upstream_id, progress=seen.progress)
        try:
            async with self._bench.ledger.transaction() as ledger:
                await ledger.history.record(task.id, driven.calls)
                await ledger.spends.insist(task, case.attempt, Spend.CONFIRMED, seen.upstream_id)
                await ledger.tasks.advance(task, move)
                await reached("submit.settling")
        except Taken as taken:
            if taken.guard != "one_task_per_upstream_id":
                raise
            # The upstream gave us an id that another task has: whatever it made, it is not known to be ours.
            log.error("upstream_id_taken", upstream_id=seen.upstream_id)
            await self.leave_to_a_person(case, driven)
            return
        log.info("submitted", task=task_id_text(task.id), upstream_id=seen.upstream_id, route=task.route)
        metrics.MOVES.labels(state.value, task.route).inc()
        await self._bench.doorbell.ring("poll")

    async def _not_created(self, case: Case, driven: Driven) -> None:
        """A clear no, or it never left. Without a failure the reason is ours: it is tried on, and shown."""
        task, failure = case.task, driven.observation.failure
        if await self._may_mean_the_reference(case, failure):
            taken = replace(driven.observation, spend=Spend.UNKNOWN, reference_taken=True)
            await self.leave_to_a_person(case, replace(driven, observation=taken))
            return
        wait = driven.observation.retry_after_s or min(2.0 ** min(case.attempt, 6), _SLOWEST_RETRY_S)
        async with self._bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, driven.calls)
            await ledger.spends.insist(task, case.attempt, Spend.NOT_CREATED, None)
            tried_s = (await ledger.spends.attempts(task))[0].age_s
            refusal = failure if failure and self._is_final(failure, tried_s) else None
            if refusal:
                await ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=refusal))
            elif failure is not None or tried_s < self._bench.settings.stalled_after_s:
                await ledger.tasks.postpone(task, seconds(wait))
            else:
                await put_aside(ledger, task, seconds(wait), f"{case.attempt} attempts did not leave us")
            await reached("submit.settling")
        if refusal:
            self.count_failure(task, refusal)

    async def _may_mean_the_reference(self, case: Case, failure: Failure | None) -> bool:
        """A "no" to parameters that went before, after an attempt that is only believed to be none."""
        if case.attempt == 1 or failure is None or failure.kind is not FailureKind.PARAMETER_INVALID:
            return False
        notes = await self._bench.ledger.history.notes(case.task.id)
        # A person's word is not proof either; it counts where a reference can be taken at all.
        knows = case.recovery is Recovery.LOOKUP_BY_REFERENCE
        return knows and any(note["reason"] in (NEVER_ARRIVED, _SAID_TO_BE_NONE) for note in notes)

    def _is_final(self, failure: Failure, tried_s: float) -> bool:
        """Not a trouble that passes, or one that has not passed since we first tried."""
        return not MEANINGS[failure.kind].transient or tried_s > self._bench.settings.submit_give_up_s

    async def never_arrived(self, case: Case, driven: Driven) -> None:
        """The upstream has had time enough, and knows nothing of our reference: the next attempt may go."""
        task = case.task
        async with self._bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, driven.calls)
            await ledger.spends.insist(task, case.attempt, Spend.NOT_CREATED, None)
            await ledger.history.add_note(task.id, uuid7(), "note", "worker", NEVER_ARRIVED, None)
            await ledger.tasks.postpone(task, seconds(0))
            await reached("lookup.absent")
        log.info("never_arrived", route=task.route, attempt=case.attempt)

    async def _unknown(self, case: Case, driven: Driven) -> None:
        """It may have been paid. It is asked about where the upstream can say; it never just goes again."""
        task = case.task
        wait_s = self._until_asked_again(case, driven.observation)
        if wait_s is None or case.age_s > self._bench.settings.park_unknown_after_s:
            await self.leave_to_a_person(case, driven)
            return
        async with self._bench.ledger.transaction() as ledger:
            await _call_unknown(ledger, case, driven)
            await ledger.tasks.postpone(task, seconds(wait_s))
            await reached("submit.settling")

    def _until_asked_again(self, case: Case, seen: Observation) -> float | None:
        """Seconds until the upstream can be asked what became of it; None where it cannot be."""
        if case.recovery is Recovery.NONE or self.too_old(case):
            return None
        return seen.retry_after_s or min(max(case.age_s / 4, 0.5), _SLOWEST_RETRY_S)

    async def leave_to_a_person(self, case: Case, driven: Driven) -> None:
        """A person should look; where the upstream can be asked, that goes on meanwhile."""
        task = case.task
        # Asked more and more seldom: what was not to be seen for an hour will hardly be in the next minute.
        wait = seconds(max(self._bench.settings.parked_wait_s, min(case.age_s / 4, _SLOWEST_ASKING_S)))
        failure = driven.observation.failure
        words = (failure.message or failure.code) if failure else None
        async with self._bench.ledger.transaction() as ledger:
            await _call_unknown(ledger, case, driven)
            parked = await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, wait, "worker", words)
            if not parked:
                await ledger.tasks.postpone(task, wait)
            await reached("submit.settling")
        if parked:
            log.warning("parked", reason="outcome_unknown", route=task.route)
            metrics.PARKED.labels("outcome_unknown", task.route).inc()

    async def fail(self, task: Task, failure: Failure, cause: str) -> None:
        """End a task that has cost nothing."""
        await reached("submit.ending")
        await self._bench.ledger.tasks.advance(task, Move(State.FAILED, "worker", cause, failure=failure))
        await reached("submit.ended")
        self.count_failure(task, failure)

    def count_failure(self, task: Task, failure: Failure) -> None:
        """Show a failure from outside."""
        log.info("failed", kind=failure.kind.value, route=task.route)
        metrics.MOVES.labels(State.FAILED.value, task.route).inc()
        metrics.FAILURES.labels(failure.kind.value, task.route).inc()

    def too_old(self, case: Case) -> bool:
        """Whether the upstream may have forgotten our reference, so that it can tell us nothing any more."""
        window_s = case.upstream.provider.recovery_window_s
        if case.recovery is Recovery.IDEMPOTENCY_KEY:
            # To send again is more than to ask: not longer than a submission that never left would be tried.
            window_s = min(window_s, self._bench.settings.submit_give_up_s)
        return case.age_s > window_s


async def _call_unknown(ledger: Ledger, case: Case, driven: Driven) -> None:
    # Paid requests are each on record; questions about them that go alike are counted.
    looked_up = driven.last is not None and driven.last.purpose == "lookup"
    await ledger.history.record(case.task.id, driven.calls, equal_once=looked_up)
    await ledger.spends.insist(case.task, case.attempt, Spend.UNKNOWN, None)
    if driven.observation.reference_taken:
        await ledger.history.add_note(case.task.id, uuid7(), "note", "provider", REFERENCE_TAKEN, None)
