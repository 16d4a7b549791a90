"""The ledger's housekeeping: months ahead, its revision, and its server."""

from datetime import UTC, datetime
from uuid import UUID

from tasks_service.ledger.connection import Book, Row


class Months(Book, beside=__file__):
    """Tables are cut by month; they must exist before the month begins."""

    async def make(self, ahead: int = 2) -> int:
        """Make what is missing up to so many months ahead; says how many were made."""
        return sum(row["made"] for row in await self._rows("make_months", ahead=ahead))

    async def make_for(self, task_id: UUID) -> None:
        """Make the month that a task belongs to, by the time in its id, and the next."""
        moment = datetime.fromtimestamp((task_id.int >> 80) / 1000, UTC)
        await self._rows("make_months_from", moment=moment)

    async def revision(self) -> str | None:
        """The migration that this database has reached."""
        row = await self._row("revision")
        return row["version_num"] if row else None

    async def server(self) -> Row:
        """Version, clock and size."""
        row = await self._row("server")
        assert row is not None
        return row
