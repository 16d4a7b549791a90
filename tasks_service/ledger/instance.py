"""Which epoch this ledger has reached, and the quarantines in which nothing may be sent."""

from dataclasses import dataclass
from datetime import datetime

from uuid_utils.compat import uuid7

from tasks_service.ledger.connection import Book, Row
from tasks_service.ledger.spend import reference_of

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A time in which nothing is sent, because the ledger may have forgotten what was paid."""

    id: int
    began_at: datetime
    reason: str
    ledger_epoch: int
    outside_epoch: int
    doubted: int
    released_at: datetime | None = None
    released_by: str | None = None
    release_reason: str | None = None

    @property
    def words(self) -> str:
        """What was found, and every way in which it can have come about."""
        found = f"The store knows epoch {self.outside_epoch}, this database only {self.ledger_epoch}: "
        if self.reason == "new_ledger_over_old_store":
            return found + (
                "either it is a new database over the store of an older one, or a backup from before "
                "anything was sent was restored"
            )
        return found + "an older backup was restored, or a replica that had not received everything took over"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the ledger is, and whether it may be believed."""

    epoch: int
    quarantine: Quarantine | None


class Instance(Book, beside=__file__):
    """The one row that senders count up before they send."""

    async def look(self) -> Standing:
        """The epoch, and the quarantine that is open."""
        row = await self._row("look")
        assert row is not None
        return Standing(row["epoch"], _quarantine(row) if row["id"] is not None else None)

    async def count_up(self, outside: int) -> int | None:
        """The next epoch; None in quarantine, and where this ledger is behind what is known outside."""
        row = await self._row("count_up", outside=outside)
        return row["epoch"] if row else None

    async def distrust(self, outside: int) -> Quarantine | None:
        """Open a quarantine where this ledger is behind; None where it is not, after all.

        Every task of which nothing is known to be paid is put in doubt with it, so this is for use in a
        transaction.
        """
        held = await self._row("hold")
        assert held is not None
        if held["quarantine"] is None and held["epoch"] < outside:
            # Writers in the middle of a task would otherwise be missed, or lock each other and us out.
            await self._rows("hold_tasks")
            opened = await self._row("open_quarantine", outside=outside)
            assert opened is not None
            await self._put_in_doubt(opened["id"])
        return (await self.look()).quarantine

    async def release(self, outside: int, released_by: str, reason: str) -> Quarantine | None:
        """End the quarantine, on a person's word; None where none is open. `outside` is the store's epoch."""
        row = await self._row("release", outside=outside, released_by=released_by, reason=reason)
        return _quarantine(row) if row else None

    async def quarantines(self, limit: int = 20) -> list[Quarantine]:
        """The latest first."""
        return [_quarantine(row) for row in await self._rows("quarantines", limit=limit)]

    async def _put_in_doubt(self, quarantine: int) -> None:
        # The trigger on what is known of a spend lets nobody jump from "nothing sent" to "unknown".
        for rows in _batches(await self._rows("not_sent_yet")):
            attempts = [row["attempt"] + 1 for row in rows]
            ids = [row["id"] for row in rows]
            references = [reference_of(task_id) for task_id in ids]
            await self._rows("suppose_intended", ids=ids, attempts=attempts, references=references)
        doubted = await self._rows("doubt")
        for rows in _batches(doubted):
            detail, ids = f"quarantine {quarantine}", [row["id"] for row in rows]
            await self._rows("note_doubt", ids=ids, note_ids=[uuid7() for _ in ids], detail=detail)
        await self._rows("count_doubted", id=quarantine, tasks=len(doubted))


def _batches(rows: list[Row]) -> list[list[Row]]:
    return [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]


def _quarantine(row: Row) -> Quarantine:
    return Quarantine(**{name: row[name] for name in Quarantine.__slots__ if name in row.keys()})  # noqa: SIM118
