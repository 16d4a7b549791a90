"""What looks have found out, written together: moves, evidence and progress of many tasks at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from structlog.contextvars import bound_contextvars

from schemas.task import Claimed
from tasks_service.failpoints import reached
from tasks_service.ledger.history import Call, Repeat
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.tasks import Move, Outrun
from workers.gathering import Gathering

_MOST = 500  # in one transaction: more gains nothing, and delays the first of them


@dataclass(frozen=True, slots=True)
class Change:
    """What one look has to say: a move, or evidence and progress without one."""

    task: Claimed
    calls: tuple[Call, ...] = ()
    repeat: Repeat | None = None  # of the answer before
    move: Move | None = None
    progress: int | None = None


class Changes:
    """Each stands or falls by itself: whoever was outrun hears so, and takes no other with it."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._together = Gathering[Change, Claimed](self._write, _MOST)

    async def write(self, change: Change) -> Claimed:
        """The task as it is afterwards. Raises Outrun where it is no longer ours."""
        return await self._together.ask(change)

    async def finish(self, wait_s: float) -> None:
        """Wait for what is being written."""
        await self._together.finish(wait_s)

    async def _write(self, changes: Sequence[Change]) -> Sequence[Claimed | Exception]:
        async with self._ledger.transaction() as ledger:
            written = await _write_tasks(ledger, changes)
            # What led to a move belongs to the move; other evidence is of value whoever has the task now.
            kept = [one for one, task in zip(changes, written, strict=True) if task or not one.move]
            await ledger.history.repeat([change.repeat for change in kept if change.repeat])
            await ledger.history.record_all([(one.task.id, call) for one in kept for call in one.calls])
            for change in kept:
                with bound_contextvars(task_id=str(change.task.id), claim=change.task.claim):
                    await _about_to_be_written(change)
        return [task or Outrun(one.task.id) for one, task in zip(changes, written, strict=True)]


async def _about_to_be_written(change: Change) -> None:
    if change.move:
        await reached("poll.moving")
    else:
        await reached("poll.remembering")


async def _write_tasks(ledger: Ledger, changes: Sequence[Change]) -> list[Claimed | None]:
    """The tasks as they are now; None for each that is somebody else's."""
    moved = iter(await ledger.tasks.advance_all([(one.task, one.move) for one in changes if one.move]))
    progressed = [(one.task, one.progress) for one in changes if not one.move and one.progress is not None]
    noted = iter(await ledger.tasks.note_progress(progressed))
    return [
        next(moved) if one.move else next(noted) if one.progress is not None else one.task for one in changes
    ]
