"""Tasks that cannot go on because of us: a person must see them, and none is tried unseen for ever."""

from datetime import datetime, timedelta

from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Claimed, Task
from tasks_service import metrics
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move, Outrun
from workers.workbench import Workbench

log = get_logger()

_WAIT = timedelta(seconds=60)


async def hold_unrouted(bench: Workbench, task: Task) -> None:
    """Nobody can be asked while the task's route is not configured. Raises Outrun."""
    log.error("route_not_configured", route=task.route, task=str(task.id))
    await _hold(bench, task, f"the route {task.route} is not configured")


async def hold_broken(bench: Workbench, task: Task | Claimed, step: str, error: Exception) -> None:
    """Our own code broke on a task. Never raises: where this cannot be written either, the lease runs out."""
    metrics.STEP_ERRORS.labels(step).inc()
    try:
        # What broke may have written before it did; then that says when the task is due.
        now = await bench.ledger.tasks.get(task.id)
        if now is not None and _versions(now) == _versions(task):
            await _hold(bench, now, f"our {step} step breaks on this task ({type(error).__name__})")
    except Outrun:
        log.info("outrun")
    except UNAVAILABLE as away:
        log.warning("ledger_away", error=repr(away))
    except Exception:
        # The outermost frame of one task's work, still.
        log.exception("not_held")
    finally:
        # Last, since a long trace takes a while to write and the lease does not wait.
        log.error("step_broke", exc_info=error)


async def hold_back(bench: Workbench, task: Task, wait: timedelta, words: str) -> None:
    """It waits for something of ours, and is shown when that has taken long. Raises Outrun."""
    if bench.since_s(task.created_at) < bench.settings.stalled_after_s:
        await bench.ledger.tasks.postpone(task, wait)
        return
    async with bench.ledger.transaction() as ledger:
        await _call_unknown(ledger, task)
        await put_aside(ledger, task, wait, words)
        await reached("hold.putting_back")


async def put_aside(ledger: Ledger, task: Task, wait: timedelta, words: str) -> None:
    """Ask for a person's eyes once, and try again after the wait all the same. Raises Outrun."""
    why = _why(task)
    if task.parked is why or not await ledger.tasks.park(task, why, wait, "worker", words):
        await ledger.tasks.postpone(task, wait)
        return
    metrics.PARKED.labels(why.value, task.route).inc()


async def _hold(bench: Workbench, task: Task, words: str) -> None:
    """Let it wait; ask a person when that has taken long; give up when nobody did anything for longer."""
    if task.state.final:
        return
    limits, parked = bench.settings, task.parked is _why(task) and task.parked_at is not None
    if parked and _is_over(bench, task) and not _may_have_been_paid(task):
        await _end(bench, task, words)
    elif not parked and bench.since_s(_entered(task)) > limits.stalled_after_s:
        await _park(bench, task, words)
    else:
        await bench.ledger.tasks.postpone(task, _WAIT)


def _is_over(bench: Workbench, task: Task) -> bool:
    """Whether it took too long, and a person has had time to see it."""
    began = task.finished_at or task.queued_at or task.created_at
    shown_s = bench.since_s(task.parked_at) if task.parked_at else 0
    return bench.since_s(began) > bench.settings.hard_limit_s and shown_s > bench.settings.stalled_after_s


async def _park(bench: Workbench, task: Task, words: str) -> None:
    async with bench.ledger.transaction() as ledger:
        await _call_unknown(ledger, task)
        await put_aside(ledger, task, _WAIT, words)
        await reached("hold.parking")


async def _call_unknown(ledger: Ledger, task: Task) -> None:
    """Somebody may have sent it; only an outcome that is called unknown can be decided. Raises Outrun."""
    if task.spend is Spend.INTENDED:
        await ledger.spends.insist(task, task.attempt, Spend.UNKNOWN, None)


async def _end(bench: Workbench, task: Task, words: str) -> None:
    kind = FailureKind.ARTIFACT_LOST if task.state is State.DONE else FailureKind.TIMED_OUT
    async with bench.ledger.transaction() as ledger:
        spent = await ledger.spends.latest(task)
        made = spent.upstream_id if spent else None
        failure = Failure(kind, words)
        move = Move(State.FAILED, "worker", kind.value, detail=words, failure=failure, upstream_id=made)
        await ledger.tasks.advance(task, move)
        if made is not None:
            # Should it go on one day, what the upstream still has is taken.
            await ledger.late.begin(task.id, timedelta(seconds=bench.settings.late_wait_s), made)
        await reached("hold.ending")
    metrics.MOVES.labels(State.FAILED.value, task.route).inc()
    metrics.FAILURES.labels(kind.value, task.route).inc()


def _entered(task: Task) -> datetime:
    return task.finished_at or task.running_at or task.queued_at or task.created_at


def _versions(task: Task | Claimed) -> tuple[object, ...]:
    return task.claim, task.seq, task.attempt, task.spend


def _may_have_been_paid(task: Task) -> bool:
    """Nobody gives up a submission of which nobody knows what it cost."""
    return task.state is State.SUBMITTED and task.spend in (Spend.INTENDED, Spend.UNKNOWN)


def _why(task: Task) -> Parked:
    if _may_have_been_paid(task):
        return Parked.OUTCOME_UNKNOWN
    return Parked.ARTIFACT_AT_RISK if task.state is State.DONE else Parked.STALLED
