"""What leaves with time: months that are over and older than is kept, and files that nobody may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from structlog.stdlib import get_logger

from tasks_service.artifacts import Artifacts, StoreAway
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.retention import Contents, How, Retention

log = get_logger()

_FILES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Leaving:
    """A month that is older than is kept, and what it holds; it leaves where that is all over."""

    month: date
    contents: Contents
    files: int


async def overdue(ledger: Ledger, keep: int, today: date | None = None) -> list[Leaving]:
    """The months that ended more than so many months ago, oldest first; nothing is changed."""
    return await _overdue(ledger.retention, keep, today)


async def retire(ledger: Ledger, keep: int, how: How, today: date | None = None) -> list[date]:
    """Let every month go that is overdue and over; answers those that went. Nobody else does so meanwhile."""
    async with ledger.retention.alone() as book:
        if book is None:
            return []
        unfinished = [month for month, was in await book.unfinished() if was is how]
        for leaving in await _overdue(book, keep, today):
            if not leaving.contents.ripe:
                log.info("month_stays", month=str(leaving.month), **_words(leaving.contents))
            elif leaving.month not in unfinished:
                await book.begin(leaving.month, how, leaving.contents.tasks, leaving.files)
                unfinished.append(leaving.month)
        return [month for month in sorted(unfinished) if await _retired(book, month, how)]


async def delete_files(ledger: Ledger, artifacts: Artifacts) -> int:
    """Delete every file that is due; what the store does not let go of now is tried again later."""
    deleted = 0
    async with ledger.retention.alone() as book:
        while book is not None and (keys := await book.unwanted(_FILES_AT_ONCE)):
            await _delete(book, artifacts, keys)
            deleted += len(keys)
    return deleted


async def _delete(book: Retention, artifacts: Artifacts, keys: Sequence[str]) -> None:
    await artifacts.delete(keys)
    await book.deleted(keys)


async def tidy(ledger: Ledger, artifacts: Artifacts, keep: int | None) -> None:
    """What a worker does every hour: drop what is overdue, where that is limited, and delete files."""
    if keep is not None:
        for month in await retire(ledger, keep, How.DROP):
            log.info("month_dropped", month=str(month))
    try:
        if deleted := await delete_files(ledger, artifacts):
            log.info("files_deleted", files=deleted)
    except StoreAway as away:
        log.warning("files_not_deleted", error=str(away))


async def _overdue(book: Retention, keep: int, today: date | None) -> list[Leaving]:
    now = today or datetime.now(UTC).date()
    found: list[Leaving] = []
    for month in await book.months():
        # What was detached before has tables still, and nothing of it is in the ledger.
        if month.past and _months_since(month.first, now) > keep and not month.ended:
            files = await book.files(month.first)
            found.append(Leaving(month.first, await book.contents(month.first), files))
    return found


async def _retired(book: Retention, month: date, how: How) -> bool:
    try:
        await book.retire(month, how)
    except UNAVAILABLE as error:
        # Somebody holds a table for longer than we may let others wait: the rest of it is done another time.
        log.warning("month_not_retired_yet", month=str(month), error=repr(error))
        return False
    return True


def _months_since(month: date, now: date) -> int:
    return (now.year - month.year) * 12 + now.month - month.month


def _words(contents: Contents) -> dict[str, int]:
    return {"live": contents.live, "looked_for": contents.looked_for, "twins": contents.twins}
