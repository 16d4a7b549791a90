"""The failpoint matrix: every commit point and every side of a send × what the upstream does × how it recovers.

Each task of a run kills its worker once, with a real SIGKILL, when it reaches the run's failpoint; the others
that were under way die with it. Then a worker without failpoints brings everything to rest.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from structlog.contextvars import get_contextvars

from schemas.capabilities import Model
from tasks_service import failpoints
from tasks_service.settings import Settings
from tests.forking import processes
from tests.workers.conftest import quick_pace
from workers import step
from workers.main import work

MODELS = {
    "idempotency_key": "sandbox-image-1-fast",
    "lookup_by_reference": "kling-v1-6",
    "list_recent": "doubao-seedance-1-0-pro-250528",
    "none": "sora-2",
}
LOST = ("500_after", "html_502_after", "lost_after", "hang_after", "no_id", "garbage")
BEHAVIOURS = {
    "ok": "",
    "refused": "create=refuse_parameters",
    "limited": "create=refuse_rate create_times=1",
    "busy": "create=busy create_times=1",
    "500_before": "create=500_before create_times=1",
    "lost_before": "create=lost_before create_times=1",
    "hang_before": "create=hang_before create_times=1",
    "redirect": "create=redirect create_times=1",
    **{name: f"create={name} create_times=1" for name in LOST},
}
EVERYWHERE = tuple((recovery, behaviour) for recovery in MODELS for behaviour in BEHAVIOURS)
LOOKED_UP = tuple(
    (recovery, behaviour)
    for recovery in ("lookup_by_reference", "list_recent")
    for behaviour in (*LOST, "lost_before", "hang_before", "500_before")
)
# A gateway's 429 proves nothing, so without a way to ask nobody knows that there is something to look at.
MADE = tuple((recovery, "ok") for recovery in MODELS) + tuple(
    (recovery, "lost_after") for recovery in MODELS if recovery != "none"
)
# Of what never came, only an upstream that knows references can say so.
NEVER_CAME = (("lookup_by_reference", "lost_before"), ("lookup_by_reference", "500_before"))
POINTS = {
    "guard.counting": MADE,
    "guard.counted": MADE,
    "submit.claimed": EVERYWHERE,
    "submit.before_intent": EVERYWHERE,
    "submit.intent_committed": EVERYWHERE,
    "submit.covered": EVERYWHERE,
    "submit.connected": EVERYWHERE,
    "submit.answered": EVERYWHERE,
    "submit.before_settle": EVERYWHERE,
    "submit.settling": EVERYWHERE,
    "submit.settled": EVERYWHERE,
    "lookup.before_ask": LOOKED_UP,
    "lookup.answered": LOOKED_UP,
    "lookup.settled": LOOKED_UP,
    "lookup.absent": NEVER_CAME,
    "poll.before_look": MADE,
    "poll.answered": MADE,
    # A look that finds it as it was: what had to be looked for may be done by then.
    "poll.remembering": tuple((recovery, "ok") for recovery in MODELS),
    "poll.moving": MADE,
    "poll.moved": MADE,
    "download.before_look": MADE,
    "download.fetched": MADE,
    "download.stored": MADE,
    "download.recording": MADE,
    "download.recorded": MADE,
}
CASES = [(point, *what) for point, whats in POINTS.items() for what in whats]


@dataclass(frozen=True, slots=True)
class Deadly:
    """One failpoint, and the file that says which tasks it has killed a worker for."""

    point: str
    log: Path

    def killed(self) -> set[str]:
        """The tasks that it has fired for."""
        return set(self.log.read_text().split()) if self.log.exists() else set()

    async def act(self, point: str) -> None:
        """Kill this process, once for each task."""
        task_id = str(get_contextvars().get("task_id"))
        if task_id in self.killed():
            return
        with self.log.open("a") as log:
            log.write(f"{task_id}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def one_life(settings: dict[str, Any], deadly: Deadly) -> None:
    """A worker from its birth to its violent death."""
    sys.stdout = sys.stderr = (deadly.log.parent / "workers.log").open("a")
    # This worker knows one route of several, and the others' tasks are not strays.
    step._STRAYS = 0
    Model.pace = quick_pace
    failpoints.arm(deadly.point, deadly.act)
    asyncio.run(work(Settings(**settings), asyncio.Event()))


def die_for_each(settings: dict[str, Any], deadly: Deadly, task_ids: set[str]) -> None:
    """One worker after the other, until each task has killed one, or nothing happens any more."""
    idle = 0
    while not task_ids <= deadly.killed() and idle < 6:
        # On a busy machine a worker needs longer to come to the point.
        died = live_and_die(settings, deadly, 8.0 + 2 * idle)
        idle = 0 if died else idle + 1


def live_and_die(settings: dict[str, Any], deadly: Deadly, patience_s: float) -> bool:
    """One worker; whether it died of its failpoint within the time."""
    process = processes.Process(target=one_life, args=(settings, deadly), daemon=True)
    process.start()
    process.join(patience_s)
    died = process.exitcode == -signal.SIGKILL
    process.kill()
    process.join()
    return died
