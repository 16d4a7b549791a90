"""How tasks come into the ledger: those that ask at the same time together, in one statement and one commit.

There is no timer: whoever comes while a statement is under way waits for it and goes with the next. Alone,
nobody waits. What goes wrong for all is tried again one by one: nobody is refused for another's sake.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from schemas.task import Task
from tasks_service.ledger.connection import REFUSED, Book, Database, NoMonth, Row, Taken
from tasks_service.ledger.months import Months
from tasks_service.ledger.new_task import COLUMNS, REQUEST, NewTask, opened, values_of

# Not all who wait: PostgreSQL is at work on these while the process is at work for the others.
_MOST_AT_ONCE = 32
_MOST_BYTES = 4 << 20
# For another's lock, all of a statement wait no longer than this; one alone waits as long as it takes.
_PATIENCE = "250ms"
_ALL_THE_TIME = "0"


class Outrun(Exception):
    """Somebody else moved or claimed the task first; nothing was written."""


class KeyTaken(Exception):
    """The Idempotency-Key stands for a task already."""

    def __init__(self, task_id: UUID):
        super().__init__(str(task_id))
        self.task_id = task_id


class WorkTaken(Exception):
    """Another task does the same work, or did it a short while ago."""

    def __init__(self, task_id: UUID):
        super().__init__(str(task_id))
        self.task_id = task_id


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """A task that somebody waits for."""

    new: NewTask
    idempotency_key: str | None
    window: timedelta
    values: tuple[Any, ...]
    answer: asyncio.Future[Task]

    @property
    def size(self) -> int:
        return len(self.values[REQUEST])


class Opening(Book, beside=__file__):
    """Accepts tasks; one statement is under way at a time, unless one is held up."""

    def __init__(self, database: Database):
        super().__init__(database)
        self._queue: deque[_Wish] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._flushing = False

    async def open(self, new: NewTask, actor: str, key: str | None, window: timedelta) -> Task:
        """Accept a task: see `Tasks.open`."""
        answer = asyncio.get_running_loop().create_future()
        self._queue.append(_Wish(new, key, window, values_of(new, actor, key), answer))
        if not self._flushing:
            self._flushing = True
            self._start(self._flush())
        return await answer

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _flush(self) -> None:
        try:
            while batch := self._next():
                await self._open_together(batch)
        finally:
            self._flushing = False

    def _next(self) -> list[_Wish]:
        """Who goes now: those at the head of the queue, as far as they have the same window."""
        batch: list[_Wish] = []
        size = 0
        while self._queue and len(batch) < _MOST_AT_ONCE:
            wish = self._queue[0]
            size += wish.size
            if batch and (size > _MOST_BYTES or wish.window != batch[0].window):
                break
            self._queue.popleft()
            if not wish.answer.done():  # whoever left while waiting has asked for nothing
                batch.append(wish)
        return batch

    async def _open_together(self, batch: Sequence[_Wish]) -> None:
        try:
            rows = await self._ask(batch, _PATIENCE)
        except REFUSED:
            # Nothing was written, for the sake of one of them perhaps.
            self._one_by_one(batch)
        except Exception as error:
            # Unknown whether it was committed: nobody tries that again but the customer.
            for wish in batch:
                _refuse(wish, error)
        else:
            self._answer(batch, rows)

    def _answer(self, batch: Sequence[_Wish], rows: dict[UUID, Row]) -> None:
        for wish in reversed(batch):
            row = rows[wish.new.id]
            if row["later"]:
                self._queue.appendleft(wish)
            elif (told := _told(wish, row)) is None:
                self._one_by_one([wish])
            elif isinstance(told, Exception):
                _refuse(wish, told)
            elif not wish.answer.done():
                wish.answer.set_result(told)

    def _one_by_one(self, wishes: Sequence[_Wish]) -> None:
        for wish in wishes:
            self._start(self._open_alone(wish))

    async def _open_alone(self, wish: _Wish) -> None:
        try:
            task = await self._alone(wish)
        except Exception as error:
            _refuse(wish, error)
        else:
            if not wish.answer.done():
                wish.answer.set_result(task)

    async def _alone(self, wish: _Wish) -> Task:
        try:
            return await self._try_alone(wish)
        except NoMonth as missing:
            try:
                await Months(self._database).make_for(wish.new.id)
            except Exception as error:
                raise missing from error
            return await self._try_alone(wish)

    async def _try_alone(self, wish: _Wish) -> Task:
        # A guard that vanished between the two statements (its task just ended) is tried again.
        for _ in range(4):
            try:
                told = _told(wish, (await self._ask([wish], _ALL_THE_TIME))[wish.new.id])
            except Taken:
                told = None
            if isinstance(told, Exception):
                raise told
            if told is not None:
                return told
        raise Outrun("the guards of this task kept changing")

    async def _ask(self, batch: Sequence[_Wish], patience: str) -> dict[UUID, Row]:
        columns = zip(*(wish.values for wish in batch), strict=True)
        values = dict(zip(COLUMNS, map(list, columns), strict=True))
        rows = await self._rows("open", patience=patience, window=batch[0].window, **values)
        return {row["id"]: row for row in rows}


def _told(wish: _Wish, row: Row) -> Task | KeyTaken | WorkTaken | None:
    """What became of a wish; None where somebody came between, so that it has to be asked again."""
    if row["key_task_id"]:
        return KeyTaken(row["key_task_id"])
    if row["twin_id"]:
        return WorkTaken(row["twin_id"])
    return opened(wish.new, row["created_at"], row["account"]) if row["created_at"] else None


def _refuse(wish: _Wish, error: Exception) -> None:
    if not wish.answer.done():
        wish.answer.set_exception(error)
