"""Which work is taken: by a task that lives, or by one that ended a short while ago and was not for free."""

from datetime import timedelta
from uuid import UUID

from tasks_service.ledger.connection import Book


class Work(Book, beside=__file__):
    """Reads and tidies the guards that submissions and endings keep: see `open` and `advance`."""

    async def twin(self, account_id: int, fingerprint: bytes, window: timedelta) -> UUID | None:
        """The task that does this work, or did it within the window; None where the work is free."""
        row = await self._row("twin", account_id=account_id, fingerprint=fingerprint, window=window)
        return row["task_id"] if row else None

    async def repeated(self, account_id: int, request_sha256: bytes, within: timedelta) -> UUID | None:
        """The latest task with images that came with this very request, within a short while."""
        row = await self._row("repeated", account_id=account_id, request_sha256=request_sha256, within=within)
        return row["id"] if row else None

    async def forget(self, window: timedelta) -> int:
        """Let go of work that ended longer ago; says how many pieces there were."""
        return len(await self._rows("forget", window=window))
