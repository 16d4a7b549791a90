"""The one shape of work: claim a batch under a lease, act on each side by side, record."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from datetime import timedelta
from functools import partial
from uuid import UUID

from structlog.contextvars import bound_contextvars
from structlog.stdlib import get_logger

from schemas.lifecycle import State
from schemas.task import Task
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.tasks import Outrun
from workers.hold import hold_broken
from workers.workbench import Workbench

log = get_logger()

_STRAYS = 10  # tasks of routes that this worker does not know, at one claim


class Step(ABC):
    """Claims what is due in its states and acts on it, each route within its own limit.

    The lease is a task's `due_at`: it is renewed while the act goes on, and where the process dies it runs
    out and another worker takes over. Every write compares `claim`, so whoever lost the lease writes nothing.
    """

    name: str
    states: tuple[State, ...]
    whole: bool = False  # whether the act needs the request with everything in it
    by_expiry: bool = False  # whether what dies first goes first

    def __init__(self, bench: Workbench):
        self.bench = bench
        self._active: dict[UUID, tuple[Task, asyncio.Task[None]]] = {}
        self._draining = asyncio.Lock()
        self._rung = False
        self._left_some = False
        self._again: asyncio.Task[None] | None = None
        self._stopping = False

    @abstractmethod
    async def act(self, task: Task) -> None:
        """Do the step's work on one claimed task, and record what came of it."""

    def places(self, route: str) -> int:
        """How many acts may go on at once on a route: an equal part of its limit for each worker."""
        share = self.bench.shares.of(route)
        return max(share.route.max_concurrency // share.workers, 1) if share else 1

    async def drain(self) -> None:
        """Claim until nothing is due. Rings that come meanwhile coalesce into one more round."""
        self._rung = True
        if self._draining.locked():
            return
        async with self._draining:
            try:
                while self._rung and not self._stopping:
                    self._rung = False
                    while await self._claim_batch():
                        pass
            except UNAVAILABLE as error:
                log.warning("ledger_away", step=self.name, error=repr(error))

    async def keep_leases(self) -> None:
        """Renew the leases of what is being acted on; runs until cancelled."""
        while True:
            await asyncio.sleep(self.bench.settings.lease_s / 3)
            held = [task for task, _ in self._active.values()]
            if held:
                await self._renew(held)

    async def stop(self, wait_s: float) -> None:
        """Claim no more, let the active ones finish within the time, then cancel the rest."""
        self._stopping = True
        running = [work for _, work in self._active.values()]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=wait_s)
        broken_off = [task for task, work in self._active.values() if work in late]
        for work in late:
            work.cancel()
        if late:
            await asyncio.wait(late, timeout=5)
            await self.give_back(broken_off)

    async def give_back(self, tasks: list[Task]) -> None:
        """What was broken off is for the next worker at once."""
        try:
            await self.bench.ledger.tasks.renew(tasks, seconds(0))
        except UNAVAILABLE as error:
            log.warning("leases_not_given_back", step=self.name, error=repr(error))

    async def _claim_batch(self) -> bool:
        """Whether there may be more to claim right away."""
        if self._stopping:
            return False
        free = self._free_places()
        rooms = {route: min(places, self.bench.settings.batch) for route, places in free.items()}
        tasks = await self.bench.ledger.tasks.claim(
            self.states, _STRAYS, self.bench.settings.lease, rooms, whole=self.whole, by_expiry=self.by_expiry
        )
        if self._stopping:
            # Told to stop while the claim was under way: what it took goes back untouched.
            await self.bench.ledger.tasks.renew(tasks, seconds(0))
            return False
        for task in tasks:
            self._begin(task)
        got = Counter(task.route for task in tasks)
        # A route that gave all it had room for may have more, as soon as one of its places is free.
        self._left_some = any(got[route] >= room for route, room in rooms.items())
        return any(got[route] >= room and room < free[route] for route, room in rooms.items())

    def _begin(self, task: Task) -> None:
        work = asyncio.create_task(self._act_safely(task))
        self._active[task.id] = (task, work)
        work.add_done_callback(partial(self._ended, task.id))

    def _ended(self, task_id: UUID, work: asyncio.Task[None]) -> None:
        held = self._active.get(task_id)
        if held is not None and held[1] is work:
            del self._active[task_id]
        # A place became free, so what was left for want of one may be claimed.
        if self._left_some and not self._stopping:
            self._left_some = False
            self._again = asyncio.create_task(self.drain())

    async def _act_safely(self, task: Task) -> None:
        with bound_contextvars(step=self.name, task_id=str(task.id), claim=task.claim):
            try:
                await self.act(task)
            except Outrun:
                log.info("outrun")
            except UNAVAILABLE as error:
                log.warning("ledger_away", error=repr(error))
            except Exception as error:
                # The outermost frame of one task's work: it is tried again, but not unseen for ever.
                await hold_broken(self.bench, task, self.name, error)

    async def _renew(self, held: list[Task]) -> None:
        try:
            kept = await self.bench.ledger.tasks.renew(held, self.bench.settings.lease)
        except UNAVAILABLE as error:
            log.warning("leases_not_renewed", step=self.name, error=repr(error))
            return
        lost = [task for task in held if task.id not in kept]
        if lost:
            log.info("leases_gone", step=self.name, tasks=len(lost))

    def _free_places(self) -> dict[str, int]:
        """Each route has places of its own, so that one which hangs takes none from the others."""
        busy = Counter(task.route for task, _ in self._active.values())
        return {route: max(self.places(route) - busy[route], 0) for route in self.bench.upstreams}


def seconds(number: float) -> timedelta:
    """A span of so many seconds."""
    return timedelta(seconds=number)
