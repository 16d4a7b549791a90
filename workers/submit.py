"""The submit step: the only one that spends money."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from structlog.stdlib import get_logger

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Spend, State
from schemas.task import Task
from schemas.upstream import Observation
from tasks_service.artifacts import StoreAway
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.spend import Intention, reference_of
from tasks_service.ledger.tasks import Move, Outrun
from workers.case import Case
from workers.evidence import Exchange
from workers.guard import Quarantined
from workers.hold import hold_back, hold_unrouted
from workers.letter import Letter
from workers.line import TOO_LATE, boottime
from workers.recover import Recover, letter_of
from workers.settle import Settler
from workers.step import Step, seconds
from workers.upstream import Driven, Upstream
from workers.workbench import Workbench

log = get_logger()

_HELD_S = 5.0
_AT_THE_DOOR = 16
_SLOWEST_RECORD_S = 5.0
_UNSENT = (Spend.NONE, Spend.NOT_CREATED)


class Submit(Step):
    """Intention first, then the paid request, then what became of it: confirmed, not created or unknown."""

    name = "submit"
    states = (State.SUBMITTED,)
    whole = True

    def __init__(self, bench: Workbench):
        super().__init__(bench)
        self._settler = Settler(bench)
        self._door = asyncio.Semaphore(_AT_THE_DOOR)
        self._recover = Recover(bench, self._settler, self._send_again)

    async def stop(self, wait_s: float) -> None:
        """What was learnt about paid work is recorded even when time is up."""
        await super().stop(wait_s)
        await self._settler.finish(_SLOWEST_RECORD_S)

    async def give_back(self, tasks: list[Task]) -> None:
        """What was broken off before its intention is due at once; when the others are, their records say."""
        await self._settler.finish(_SLOWEST_RECORD_S)
        try:
            found = await self.bench.ledger.tasks.get_many([task.id for task in tasks], None)
        except UNAVAILABLE as error:
            log.warning("leases_not_given_back", step=self.name, error=repr(error))
            return
        now = {task.id: (task.attempt, task.spend) for task in found}
        await super().give_back(
            [
                task
                for task in tasks
                if task.spend in _UNSENT and now.get(task.id) == (task.attempt, task.spend)
            ]
        )

    async def act(self, task: Task) -> None:
        """Send a task to its provider once."""
        await reached("submit.claimed")
        upstream = self.bench.upstream_of(task)
        if upstream is None:
            await hold_unrouted(self.bench, task)
        elif task.spend is Spend.CONFIRMED:
            await self._adopt(task)
        elif task.spend in (Spend.INTENDED, Spend.UNKNOWN):
            await self._unless_the_store_is_away(task, self._recover.find_again(task, upstream))
        elif task.cancel_requested_at is not None:
            await self._settler.fail(task, Failure(FailureKind.CANCELED), "canceled")
        else:
            await self._unless_the_store_is_away(task, self._spend(task, upstream))

    async def _unless_the_store_is_away(self, task: Task, act: Coroutine[Any, Any, None]) -> None:
        """Its images lie in our store: where that cannot give them, the task waits, and nothing was sent."""
        try:
            await act
        except StoreAway as trouble:
            log.warning("held", reason=str(trouble))
            await hold_back(self.bench, task, seconds(_HELD_S), "our store cannot give the reference images")

    async def _may_send(self, task: Task) -> bool:
        """Whether the ledger is to be trusted and what comes back could be kept; else the task waits."""
        try:
            await self.bench.guard.cover()
        except Quarantined as trouble:
            log.warning("held", reason=str(trouble))
            await self.bench.ledger.tasks.postpone(task, seconds(_HELD_S))
            return False
        except StoreAway as trouble:
            log.warning("held", reason=str(trouble))
            await hold_back(self.bench, task, seconds(_HELD_S), "our store is away, so nothing is sent")
            return False
        return True

    async def _spend(self, task: Task, upstream: Upstream) -> None:
        letter = await letter_of(self.bench, task, upstream, reference_of(task.id), task.attempt + 1)
        if letter is None:
            gone = Failure(FailureKind.MODEL_NOT_FOUND, f"{task.provider} no longer offers {task.model}")
            await self._settler.fail(task, gone, "refused")
            return
        async with self._at_the_door() as door:
            if not await self._may_send(task):
                return
            # The clock starts before the commit, so that ours runs out no later than the one on record.
            case = Case(task, upstream, task.attempt + 1, boottime())
            if await self._intend(case, letter):
                sending = _Sending(case.began + self.bench.settings.lease_s, door, first=True)
                await self._send(case, letter, sending)

    @asynccontextmanager
    async def _at_the_door(self) -> AsyncGenerator[AsyncExitStack]:
        """Few at a time between the intention and the line, so that each leaves well within its deadline.

        Whoever waits here has promised nothing yet; the stack is closed early by whoever has gone through.
        """
        async with AsyncExitStack() as door:
            await door.enter_async_context(self._door)
            yield door

    async def _intend(self, case: Case, letter: Letter) -> bool:
        """Whether the intention is on record and the request may leave."""
        await reached("submit.before_intent")
        answer_within = seconds(self.bench.settings.submit_timeout_s)
        intention = Intention(
            self.bench.settings.lease, answer_within, letter.sha256, case.upstream.credential
        )
        try:
            reference = await self.bench.ledger.spends.intend(case.task, intention)
        except (asyncio.CancelledError, *UNAVAILABLE) as error:
            # Committed or not, nothing is sent; and that goes on record as soon as it can.
            log.warning("not_sent", reason="the intention may not be on record", error=repr(error))
            await self._settler.record(case, case.upstream.driven(Observation(spend=Spend.NOT_CREATED)))
            if isinstance(error, asyncio.CancelledError):
                raise
            return False
        if reference is None:
            log.warning("not_sent", reason="an earlier request may have been paid")
        return reference is not None

    async def _send_again(self, case: Case, letter: Letter) -> None:
        """The same reference once more, where the upstream promises that nothing new comes of it."""
        async with self._at_the_door() as door:
            if not await self._may_send(case.task):
                return
            # The deadline on record is the first one's. This one has its lease, which is asked for anew.
            asked_at = boottime()
            if not await self.bench.ledger.tasks.renew([case.task], self.bench.settings.lease):
                raise Outrun(case.task.id)
            sending = _Sending(asked_at + self.bench.settings.lease_s, door, first=False)
            await self._send(case, letter, sending)

    async def _send(self, case: Case, letter: Letter, sending: "_Sending") -> None:
        try:
            await self._let_go(case, letter, sending)
        except Quarantined:
            # The ledger went back between the two covers: this may be the second attempt of the same name.
            sending.seen = Observation()
        except (StoreAway, *UNAVAILABLE) as trouble:
            log.warning("sending_broke_off", error=repr(trouble), left=sending.left)
        finally:
            # Also where we are being stopped, or break: what is known of a paid request is said before going.
            await self._settler.record(case, sending.told(case))

    async def _let_go(self, case: Case, letter: Letter, sending: "_Sending") -> None:
        await reached("submit.intent_committed")
        await self.bench.guard.cover()
        await reached("submit.covered")
        await sending.door.aclose()
        driven = await case.upstream.drive(
            letter.flow(),
            "submit",
            case.attempt,
            self.bench.settings.submit_timeout_s,
            sending.exchanges,
            deadline=sending.deadline,
        )
        sending.seen = driven.observation
        await reached("submit.answered")

    async def _adopt(self, task: Task) -> None:
        """The answer came after its worker had lost the task, or a person knew it: take it up."""
        await reached("adopt.before")
        spent = await self.bench.ledger.spends.latest(task)
        if spent is None or spent.upstream_id is None:
            raise LookupError("a task is confirmed without an id on record")
        move = Move(State.QUEUED, "worker", "upstream_accepted", seconds(0), upstream_id=spent.upstream_id)
        await self.bench.ledger.tasks.advance(task, move)
        await reached("adopt.moved")
        await self.bench.doorbell.ring("poll")


@dataclass(slots=True)
class _Sending:
    """One paid request on its way: until when it may leave, and what has come of it so far."""

    deadline: float
    door: AsyncExitStack
    first: bool  # whether nobody can have sent this attempt before
    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    seen: Observation | None = None

    @property
    def left(self) -> bool:
        return any(exchange.ask.spends and exchange.left for exchange in self.exchanges)

    def told(self, case: Case) -> Driven:
        """What is known now. Of a second try a "no" says nothing: the first may have been paid."""
        seen = self.seen or Observation(spend=Spend.UNKNOWN if self.left else Spend.NOT_CREATED)
        if self.exchanges and self.exchanges[-1].trouble == TOO_LATE:
            seen = replace(seen, failure=None)  # that was us, and no upstream
        if not self.first and seen.spend is Spend.NOT_CREATED:
            seen = replace(seen, state=None, spend=Spend.UNKNOWN)
        return case.upstream.driven(seen, self.exchanges)
