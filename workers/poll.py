"""The poll step: a watch over tasks that the upstream is working on.

Live tasks are claimed under a lease and kept in memory, ordered by their next look. A look that teaches
nothing writes nothing; leases are renewed in bulk.
"""

import asyncio
import heapq
import random
from collections import Counter
from itertools import count
from uuid import UUID

from structlog.contextvars import bound_contextvars
from structlog.stdlib import get_logger

from schemas.lifecycle import State
from tasks_service import metrics
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.tasks import Outrun
from workers.hold import hold_broken
from workers.lanes import Lanes
from workers.look import Look, Watched
from workers.step import seconds
from workers.workbench import Workbench

log = get_logger()

_CLAIM_BATCH = 1000
_RENEW_BATCH = 5000
_WRITE_S = 5  # for what was learnt at the end
_RENEW_RUNG_S = 0.1
_RUNG_PACE_S = 1.0  # from one look to the next, however often an upstream rings


class Poll:
    """Watches what is queued or running upstream, each route within its own limit."""

    name = "poll"
    states = (State.QUEUED, State.RUNNING)

    def __init__(self, bench: Workbench, capacity: int = 50_000):
        self.bench = bench
        self._capacity = capacity
        self._look = Look(bench)
        self._watched: dict[UUID, Watched] = {}
        # When to look, a number that keeps equal times in order, and at what.
        self._heap: list[tuple[float, int, Watched]] = []
        self._numbers = count()
        self._looking: dict[UUID, asyncio.Task[None]] = {}
        self._lanes = Lanes(bench.shares, self._begin)
        bench.shares.wants = self._count_routes
        self._changed = asyncio.Event()
        self._rung: dict[UUID, Watched] = {}
        self._answering: asyncio.Task[None] | None = None
        self._draining = asyncio.Lock()
        self._stopping = False

    async def drain(self) -> None:
        """Take what is due, and nobody else's, under watch."""
        if self._draining.locked() or self._stopping:
            return
        async with self._draining:
            try:
                while await self._claim_batch():
                    pass
            except UNAVAILABLE as error:
                log.warning("ledger_away", step=self.name, error=repr(error))

    async def run(self) -> None:
        """Look at each watched task when its time comes; runs until cancelled."""
        while True:
            self._changed.clear()
            wait = self._start_due()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def keep_leases(self) -> None:
        """Renew the leases of everything under watch; runs until cancelled."""
        while True:
            await asyncio.sleep(self.bench.settings.lease_s / 3)
            watched = list(self._watched.values())
            for start in range(0, len(watched), _RENEW_BATCH):
                await self._renew(watched[start : start + _RENEW_BATCH])

    async def stop(self, wait_s: float) -> None:
        """Let running looks finish, then give every task back to whoever is next."""
        self._stopping = True
        if self._answering is not None:
            # Nothing may be renewed any more once it is given back.
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)
        if self._looking:
            _, late = await asyncio.wait(self._looking.values(), timeout=wait_s)
            for look in late:
                look.cancel()
            if late:
                await asyncio.wait(late, timeout=_WRITE_S)
        await self._look.finish(_WRITE_S)
        await self._give_back()

    def shares_heard(self) -> None:
        """The routes may have more room than before."""
        self._lanes.look_again()

    def hear(self, task_id: UUID) -> None:
        """An upstream says that it has news of a task: what it is, a look finds out."""
        watched = self._watched.get(task_id)
        if watched is None or self._stopping:
            return
        self._rung[task_id] = watched
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._keep_rung())
        if task_id in self._looking:
            watched.rung = True
        else:
            self._hasten(watched, watched.due)

    async def _keep_rung(self) -> None:
        """Whoever rings shortens the lease, for the case that nobody hears it."""
        while self._rung:
            rung, self._rung = list(self._rung.values()), {}
            await self._renew(rung)
            # What is rung for meanwhile goes together.
            await asyncio.sleep(_RENEW_RUNG_S)

    def _hasten(self, watched: Watched, due: float) -> None:
        """Have a task looked at before it is due; not after trouble, of which its own wait is the answer."""
        soon = max(watched.looked_at + _RUNG_PACE_S, asyncio.get_running_loop().time())
        if soon < due and not watched.signs.troubles:
            self._schedule_at(watched, soon)

    def _count_routes(self) -> Counter[str]:
        return Counter(watched.task.route for watched in self._watched.values())

    async def _claim_batch(self) -> bool:
        room = min(self._capacity - len(self._watched), _CLAIM_BATCH)
        if room <= 0 or self._stopping:
            return False
        rooms = dict.fromkeys(self.bench.upstreams, room)
        tasks = await self.bench.ledger.tasks.watch(self.states, room, self.bench.settings.lease, rooms)
        for task in tasks:
            self._watched[task.id] = Watched(task)
            self._schedule(task.id, self._look.first_wait_s(task))
        metrics.WATCHED.set(len(self._watched))
        self.bench.shares.hurry({task.route for task in tasks})
        return len(tasks) >= room

    def _schedule(self, task_id: UUID, wait_s: float) -> None:
        self._schedule_at(self._watched[task_id], asyncio.get_running_loop().time() + wait_s)

    def _schedule_at(self, watched: Watched, due: float) -> None:
        watched.place, watched.due = next(self._numbers), due
        entry = (due, watched.place, watched)
        heapq.heappush(self._heap, entry)
        # Whoever waits for the first of them is woken only when there is another first.
        if self._heap[0] is entry:
            self._changed.set()

    def _start_due(self) -> float | None:
        """Begin every look whose time has come; seconds until the next one, None where there is none."""
        now = asyncio.get_running_loop().time()
        while self._heap and self._heap[0][0] <= now:
            due, number, watched = heapq.heappop(self._heap)
            # A task that was claimed anew is another one here, and has another place; the old one is void.
            if self._watched.get(watched.task.id) is watched and watched.place == number:
                self._enter(watched, due)
        return max(self._heap[0][0] - now, 0) if self._heap else None

    def _enter(self, watched: Watched, due: float) -> None:
        share = self.bench.shares.of(watched.task.route)
        if share and (quiet_s := share.quiet_s):
            # Not all of them in the instant when the upstream may be asked again.
            self._schedule(watched.task.id, quiet_s * random.uniform(1, 1.3))  # noqa: S311 - not for secrets
        else:
            self._lanes.enter(watched, due)

    def _begin(self, watched: Watched) -> bool:
        task_id = watched.task.id
        # While it waited in its lane it may have been claimed anew, or given back.
        if self._stopping or task_id in self._looking or self._watched.get(task_id) is not watched:
            return False
        watched.looked_at, watched.rung = asyncio.get_running_loop().time(), False
        self._looking[task_id] = asyncio.create_task(self._look_at(watched, watched.task.route))
        return True

    async def _look_at(self, watched: Watched, route: str) -> None:
        task = watched.task
        wait_s: float | None = None
        with bound_contextvars(step=self.name, task_id=str(task.id), claim=task.claim):
            try:
                wait_s = await self._look.at(watched)
            except Outrun:
                log.info("outrun")
            except UNAVAILABLE as error:
                wait_s = 1.0
                log.warning("ledger_away", error=repr(error))
            except Exception as error:
                # The outermost frame of one look: the task is let go of, and comes back when it is due.
                await hold_broken(self.bench, task, self.name, error)
            finally:
                self._looked(watched, route, task.id, wait_s)

    def _looked(self, watched: Watched, route: str, task_id: UUID, wait_s: float | None) -> None:
        self._looking.pop(task_id, None)
        if self._watched.get(task_id) is watched:
            if wait_s is None and not self._stopping:
                del self._watched[task_id]
            elif wait_s is not None:
                # What was claimed together is not looked at together for ever.
                self._schedule(task_id, wait_s * random.uniform(1, 1.1))  # noqa: S311 - not for secrets
                if watched.rung:
                    self.hear(task_id)
        elif task_id in self._watched:
            # It was claimed anew while we looked; that claim has not had its look yet.
            self._schedule(task_id, 0)
        metrics.WATCHED.set(len(self._watched))
        self._lanes.leave(route)

    async def _renew(self, watched: list[Watched]) -> None:
        held = [one.task for one in watched]
        try:
            kept = await self.bench.ledger.tasks.renew(held, self.bench.settings.lease)
        except UNAVAILABLE as error:
            log.warning("leases_not_renewed", step=self.name, error=repr(error))
            return
        for one, task in zip(watched, held, strict=True):
            # Not ours any more, unless it moved on by our own hand, which whoever looks is the last to know.
            gone = task.id not in kept and task.id not in self._looking
            if gone and one.task is task and self._watched.get(task.id) is one:
                del self._watched[task.id]

    async def _give_back(self) -> None:
        watched, self._watched = list(self._watched.values()), {}
        try:
            for start in range(0, len(watched), _RENEW_BATCH):
                held = [one.task for one in watched[start : start + _RENEW_BATCH]]
                await self.bench.ledger.tasks.renew(held, seconds(0))
        except UNAVAILABLE as error:
            log.warning("leases_not_given_back", error=repr(error))
