"""A customer's content is erased on request; the facts of its history stay."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

from structlog.stdlib import get_logger

from schemas.refusals import StateConflict
from schemas.task import Task
from tasks_service.artifacts import Artifacts, StoreAway
from tasks_service.failpoints import reached
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.erasure import Hindrance
from tasks_service.ledger.ledger import Ledger

log = get_logger()

_AT_ONCE = 200


async def erase(ledger: Ledger, artifacts: Artifacts, task: Task, said: Said) -> Task:
    """Erase what a task was given and what it made; a second time changes nothing.

    Raises StateConflict where the task is not over, and then nothing was erased. Files that the store does
    not let go of now are deleted by the workers later.
    """
    keys = await _erase(ledger, task.id, said)
    if isinstance(keys, Hindrance):
        raise _conflict(task, keys)
    await _delete(ledger, artifacts, keys)
    found = await ledger.tasks.get(task.id)
    return found or task


async def erase_account(
    ledger: Ledger, artifacts: Artifacts, account: str, said: Said
) -> AsyncGenerator[tuple[UUID, bool]]:
    """Erase every task of an account, oldest first: each with whether it could be."""
    after = None
    while ids := await ledger.erasure.of_account(account, after, _AT_ONCE):
        for task_id in ids:
            keys = await _erase(ledger, task_id, said)
            if not isinstance(keys, Hindrance):
                await _delete(ledger, artifacts, keys)
            yield task_id, not isinstance(keys, Hindrance)
        after = ids[-1]


async def _erase(ledger: Ledger, task_id: UUID, said: Said) -> list[str] | Hindrance:
    async with ledger.transaction() as inside:
        keys = await inside.erasure.erase(task_id, said)
        await reached("erase.erasing")
        return keys


async def _delete(ledger: Ledger, artifacts: Artifacts, keys: list[str]) -> None:
    await reached("erase.committed")
    try:
        await artifacts.delete(keys)
    except StoreAway as away:
        log.warning("files_not_deleted", files=len(keys), error=str(away))
        return
    await reached("erase.deleted")
    await ledger.retention.deleted(keys)


def _conflict(task: Task, hindrance: Hindrance) -> StateConflict:
    members: dict[str, Any] = {"state": task.state.value, "spend": task.spend.value}
    members["parked"] = task.parked.value if task.parked else None
    if hindrance.not_before is not None:
        at = hindrance.not_before.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        detail = f"The answer to the paid request may still arrive, with words in it; erase from {at} on."
        return StateConflict(detail, members=members | {"not_before": at})
    return StateConflict("Only the content of a task that is over can be erased.", members=members)
