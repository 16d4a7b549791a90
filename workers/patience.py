"""How long we wait for an upstream: when a person should look, and when we give up.

Nothing here guesses. Trouble with the call itself (a key that stopped working, a limit, a proxy's page) says
nothing about the task and never ends it. Only an upstream that goes on answering that it does not know the
task makes it lost, and only a long, configured limit ends what never ends.
"""

from dataclasses import dataclass, replace

from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked
from schemas.task import Claimed
from schemas.upstream import Observation
from tasks_service import metrics
from tasks_service.failpoints import reached
from workers.line import boottime
from workers.upstream import Upstream
from workers.workbench import Workbench

log = get_logger()

_SLOWEST_AFTER_TROUBLE_S = 30.0
_STRANGE_LOOKS = 10  # unknown words in a row before a person is asked
_MISSING_LOOKS = 5  # answers in a row that there is no such task
_YOUNG_S = 120.0  # an upstream may take a while to find what it has just accepted


@dataclass(frozen=True, slots=True)
class Signs:
    """What the looks in a row have in common; one that is understood wipes the slate."""

    troubles: int = 0
    strange: int = 0
    missing: int = 0
    missing_since: float = 0
    last: str = ""

    def after(self, seen: Observation) -> "Signs":
        """The signs after one more look."""
        if seen.state is not None:
            return CALM
        kind = seen.failure.kind if seen.failure else FailureKind.UNKNOWN
        missing = kind is FailureKind.TASK_NOT_FOUND
        return Signs(
            troubles=self.troubles + 1 if seen.status is None else 0,
            strange=self.strange + 1 if seen.status is not None else 0,
            missing=self.missing + 1 if missing else 0,
            missing_since=boottime() if missing and not self.missing else self.missing_since,
            last=f"the upstream says {seen.status!r}" if seen.status else kind.value,
        )


CALM = Signs()  # one for all, since nearly all that are watched have none


class Patience:
    """Decides what a task's signs are worth."""

    def __init__(self, bench: Workbench):
        self._bench = bench

    async def end_of(self, task: Claimed, upstream: Upstream, signs: Signs) -> Failure | None:
        """Why a task is over for us, if it is."""
        limits = self._bench.settings
        age_s = self._bench.since_s(task.upstream_since)
        if age_s > limits.hard_limit_s:
            return Failure(FailureKind.TIMED_OUT, signs.last)
        if signs.missing < _MISSING_LOOKS or age_s < min(_YOUNG_S, limits.lost_after_s):
            return None
        if boottime() - signs.missing_since < limits.lost_after_s:
            return None
        # Another credential may be another account, which knows nothing of the task: that is no sign at all.
        spent = await self._bench.ledger.spends.latest(task)
        same = spent is None or spent.credential in (None, upstream.credential)
        return Failure(FailureKind.TASK_NOT_FOUND, f"{signs.missing} answers in a row") if same else None

    async def parked(self, task: Claimed, signs: Signs) -> Claimed:
        """The task, after a person has been asked to look at it where that is due."""
        why = self._why_park(task, signs)
        if why is None or task.parked is not None:
            return task
        lease = self._bench.settings.lease
        if not await self._bench.ledger.tasks.park(task, why, lease, "worker", signs.last or None):
            return task
        await reached("poll.parked")
        metrics.PARKED.labels(why.value, task.route).inc()
        log.warning("parked", reason=why.value, sign=signs.last)
        return replace(task, parked=why)

    def wait_s(self, task: Claimed, signs: Signs, seen: Observation) -> float:
        """Seconds until the next look."""
        pace_s = self._bench.pace(task, self._bench.since_s(task.upstream_since)).total_seconds()
        if signs.strange:
            metrics.UNRECOGNISED.labels(task.route).inc()
        if task.parked is not None:
            return self._bench.settings.parked_wait_s
        if not signs.troubles:
            return pace_s
        quickest_s = self._bench.pace(task, 0).total_seconds()
        return seen.retry_after_s or min(quickest_s * 2 ** min(signs.troubles, 8), _SLOWEST_AFTER_TROUBLE_S)

    def _why_park(self, task: Claimed, signs: Signs) -> Parked | None:
        if signs.strange >= _STRANGE_LOOKS:
            return Parked.UNRECOGNISED_STATUS
        model = self._bench.model_of(task)
        usual_s = max(self._bench.settings.stalled_after_s, (model and model.stalled_after_s) or 0)
        return Parked.STALLED if self._bench.since_s(task.state_since) > usual_s else None
