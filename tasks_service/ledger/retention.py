"""Months that leave, whole; and files that nobody may see any more."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from tasks_service.ledger.connection import Book, Row

# Statements about a whole month may take their time; nobody waits for them.
_PATIENCE_S = 3600.0


class How(StrEnum):
    """How a month leaves."""

    DETACH = "detach"  # its tables stay beside the ledger, for whoever wants to keep them
    DROP = "drop"  # it is gone, with its guards and files


@dataclass(frozen=True, slots=True)
class Month:
    """A month that there are tables of; `how` where it began to leave."""

    first: date
    past: bool
    how: How | None
    ended: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """What a month holds, and what keeps it here."""

    tasks: int
    live: int
    looked_for: int  # given up by us, and their upstreams may still finish them
    twins: int  # ended, and still counting against the same work

    @property
    def ripe(self) -> bool:
        """Whether all of it is over."""
        return not (self.live or self.looked_for or self.twins)


class Retention(Book, beside=__file__):
    """The only way out of the ledger is by whole months."""

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator["Retention | None"]:
        """These queries on one patient connection, for one at a time; None where somebody else is at it."""
        async with self._database.session(_PATIENCE_S) as database:
            book = Retention(database)
            row = await book._row("alone")
            if row is None or not row["alone"]:
                yield None
                return
            try:
                yield book
            finally:
                await book._row("no_longer_alone")

    async def months(self) -> list[Month]:
        """The months that there are tables of, oldest first."""
        return [
            Month(row["month"], row["past"], How(row["how"]) if row["how"] else None, bool(row["ended_at"]))
            for row in await self._rows("months")
        ]

    async def contents(self, month: date) -> Contents:
        """What a month holds that is still a part of the ledger."""
        row = await self._row("held_by", first=_start(month), next=_start(_following(month)))
        assert row is not None
        return Contents(row["tasks"], row["live"], row["looked_for"], row["twins"])

    async def files(self, month: date) -> int:
        """How many files a month has."""
        row = await self._row("files_in", first=_start(month), next=_start(_following(month)))
        return row["files"] if row else 0

    async def begin(self, month: date, how: How, tasks: int, files: int) -> None:
        """Say that a month leaves, before anything is done about it."""
        await self._row("begin", month=month, how=how.value, tasks=tasks, files=files)

    async def unfinished(self) -> list[tuple[date, How]]:
        """Months that began to leave, and did not come to the end of it."""
        return [(row["month"], How(row["how"])) for row in await self._rows("unfinished")]

    async def retire(self, month: date, how: How) -> None:
        """Let a month go that was begun; whatever was done of it already is not done again."""
        for start in _days(month):
            await self._rows("forget_keys", start=start)
        for row in await self._rows("detachments", month=month):
            await self._database.execute(row["statement"])
        if how is How.DROP:
            await self._drop(month)
        await self._rows("end", month=month)

    async def retired(self) -> list[Row]:
        """The months that have left, or are leaving."""
        return await self._rows("retired")

    async def unwanted(self, limit: int) -> list[str]:
        """The keys of files that are to be deleted, without images that somebody has again."""
        keys = [row["key"] for row in await self._rows("unwanted", limit=limit)]
        images = {key: bytes.fromhex(key.partition("/")[2]) for key in keys if key.startswith("references/")}
        values = {"keys": list(images), "digests": list(images.values())}
        kept = {row["key"] for row in await self._rows("wanted_again", **values)} if images else set[str]()
        return [key for key in keys if key not in kept]

    async def deleted(self, keys: Sequence[str]) -> None:
        """These files are gone."""
        await self._rows("deleted", keys=list(keys))

    async def _drop(self, month: date) -> None:
        if any(one.first == month for one in await self.months()):
            await self._row("let_files_go", month=month)
            await self._row("drop", month=month)
        for start in _days(month):
            await self._rows("forget_spends", start=start)


def _start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def _following(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _days(month: date) -> Iterator[datetime]:
    moment, end = _start(month), _start(_following(month))
    while moment < end:
        yield moment
        moment += timedelta(days=1)
