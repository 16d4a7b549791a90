"""Answers that come when their worker has lost the task: true all the same, and recorded."""

from structlog.stdlib import get_logger
from uuid_utils.compat import uuid7

from schemas.lifecycle import Spend
from schemas.upstream import Observation, Recovery
from tasks_service import metrics
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import Taken
from tasks_service.ledger.ledger import Ledger
from workers.case import Case
from workers.upstream import Driven
from workers.workbench import Workbench

log = get_logger()


class Overtaken:
    """Whoever holds the task now finds what is recorded here, and is woken for it."""

    def __init__(self, bench: Workbench):
        self._bench = bench

    async def record(self, case: Case, driven: Driven) -> None:
        """Evidence, and the outcome where it is certain. Raises what the ledger raises when it is away."""
        try:
            await self._record(case, driven, certain=self._is_certain(case, driven.observation))
        except Taken as taken:
            if taken.guard != "one_task_per_upstream_id":
                raise
            # Another task has that id, so this one's outcome stays unknown; the exchange is evidence.
            log.error("upstream_id_taken", upstream_id=driven.observation.upstream_id)
            await self._record(case, driven, certain=False)

    def _is_certain(self, case: Case, seen: Observation) -> bool:
        """A refusal counts only where nobody else can have sent the same reference again."""
        alone = case.recovery is not Recovery.IDEMPOTENCY_KEY
        return seen.spend is Spend.CONFIRMED or (seen.spend is Spend.NOT_CREATED and alone)

    async def _record(self, case: Case, driven: Driven, *, certain: bool) -> None:
        task, seen, settled = case.task, driven.observation, False
        async with self._bench.ledger.transaction() as ledger:
            await ledger.history.record(task.id, driven.calls)
            if certain:
                # A refusal speaks for its own sender's attempt only; an id is true whoever asked for it.
                own = None if seen.spend is Spend.CONFIRMED else task.claim
                settled = await ledger.spends.settle(
                    task, case.attempt, seen.spend, seen.upstream_id, claim=own
                )
            if certain and not settled and seen.spend is Spend.CONFIRMED:
                await self._contradicted(case, seen, ledger)
            await reached("submit.overtaken")
        log.warning("answered_late", spend=seen.spend, upstream_id=seen.upstream_id, settled=settled)

    async def _contradicted(self, case: Case, seen: Observation, ledger: Ledger) -> None:
        """Our record says otherwise, or nothing at all, and now it turns out that something was created."""
        attempts = await ledger.spends.attempts(case.task)
        if any(one.upstream_id == seen.upstream_id for one in attempts):
            return
        note = ("note", "worker", "confirmed_after_all", seen.upstream_id)
        await ledger.history.add_note(case.task.id, uuid7(), *note)
        adopted = await ledger.spends.take_up(case.task, case.attempt, str(seen.upstream_id))
        metrics.CONTRADICTIONS.labels(case.task.route).inc()
        log.error("confirmed_after_all", upstream_id=seen.upstream_id, adopted=adopted)
