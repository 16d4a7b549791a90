"""Tasks of a route that is no longer configured: nobody can be asked, so a person must see them."""

from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task
from tasks_service import metrics
from tasks_service.ledger.tasks import Move
from workers.step import seconds
from workers.workbench import Workbench

log = get_logger()

_WAIT_S = 60.0


async def hold(bench: Workbench, task: Task) -> None:
    """Wait for the route to come back; then ask a person; then give up. Raises Outrun."""
    since = task.finished_at or task.running_at or task.queued_at or task.created_at
    waited_s = bench.since_s(since)
    words = f"the route {task.route} is not configured"
    log.error("route_not_configured", route=task.route, task=str(task.id))
    if waited_s > bench.settings.hard_limit_s and not _may_have_been_paid(task):
        await _end(bench, task, words)
        return
    why = _why(task)
    if waited_s > bench.settings.stalled_after_s and task.parked is not why:
        async with bench.ledger.transaction() as ledger:
            if task.spend is Spend.INTENDED:
                # Somebody may have sent it; only an outcome that is called unknown can be decided.
                await ledger.spends.insist(task, task.attempt, Spend.UNKNOWN, None)
            parked = await ledger.tasks.park(task, why, seconds(_WAIT_S), "worker", words)
        if parked:
            metrics.PARKED.labels(why.value, task.route).inc()
        return
    await bench.ledger.tasks.postpone(task, seconds(_WAIT_S))


async def _end(bench: Workbench, task: Task, words: str) -> None:
    kind = FailureKind.ARTIFACT_LOST if task.state is State.DONE else FailureKind.TIMED_OUT
    move = Move(State.FAILED, "worker", kind.value, detail=words, failure=Failure(kind, words))
    async with bench.ledger.transaction() as ledger:
        spent = await ledger.spends.latest(task)
        await ledger.tasks.advance(task, move)
        if spent is not None and spent.upstream_id is not None:
            # Should the route come back, what it still has is taken.
            await ledger.late.begin(task.id, seconds(bench.settings.late_wait_s), spent.upstream_id)
    metrics.MOVES.labels(State.FAILED.value, task.route).inc()
    metrics.FAILURES.labels(kind.value, task.route).inc()


def _may_have_been_paid(task: Task) -> bool:
    """Nobody gives up a submission of which nobody knows what it cost."""
    return task.state is State.SUBMITTED and task.spend in (Spend.INTENDED, Spend.UNKNOWN)


def _why(task: Task) -> Parked:
    if _may_have_been_paid(task):
        return Parked.OUTCOME_UNKNOWN
    return Parked.ARTIFACT_AT_RISK if task.state is State.DONE else Parked.STALLED
