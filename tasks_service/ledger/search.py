"""Finds tasks by what people have of them: an id of either side, a key's head and tail, or words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from tasks_service.ledger.connection import Book, Row

_TAKEN_AT_ONCE = 500
_LONGEST_WORDS = 4000
_LAST = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Named:
    """A task that somebody's words name, and what the word is to it."""

    what: str
    value: str
    task_id: UUID


class Search(Book, beside=__file__):
    """Looks up; where `account_id` is given, among its tasks only."""

    async def named(
        self, tokens: Sequence[str], ids: Sequence[tuple[str, UUID]], account_id: int | None
    ) -> list[Named]:
        """The tasks that one of these words names exactly, or that have one of our ids; the newest first."""
        shown, known = [text for text, _ in ids], [task_id for _, task_id in ids]
        rows = await self._rows("named", tokens=list(tokens), shown=shown, ids=known, account_id=account_id)
        return [Named(row["what"], row["value"], row["id"]) for row in rows]

    async def keys(
        self, tokens: Sequence[str], masks: Sequence[tuple[str, str]], account_id: int | None
    ) -> list[Row]:
        """The API keys with one of these ids, or one of these heads and tails; the newest first."""
        heads, tails = [head for head, _ in masks], [tail for _, tail in masks]
        return await self._rows("keys", tokens=list(tokens), heads=heads, tails=tails, account_id=account_id)

    async def newest(self, many: int, below: UUID | None, account_id: int | None) -> UUID:
        """The task before which there are so many newer ones; the first possible where there are fewer."""
        below = below or _LAST
        row = (
            await self._row("newest", many=many, below=below)
            if account_id is None
            else await self._row("newest_of", many=many, below=below, account_id=account_id)
        )
        return row["id"] if row else UUID(int=0)

    async def reached(self) -> UUID:
        """Up to which task the words were taken up."""
        row = await self._row("reached")
        return row["reached"] if row else UUID(int=0)

    async def pieces(self, words: Sequence[str]) -> list[int]:
        """What of these words the index knows; nothing where all of them are too short."""
        row = await self._row("pieces", words=list(words))
        return row["grams"] if row else []

    async def with_words(
        self, grams: Sequence[int], patterns: Sequence[str], below: UUID, account_id: int | None, limit: int
    ) -> list[UUID]:
        """Tasks below one, the newest first, whose prompt or failure has all of these."""
        rows = await self._rows(
            "with_words",
            grams=list(grams),
            patterns=list(patterns),
            below=below,
            account_id=account_id,
            limit=limit,
        )
        return [row["id"] for row in rows]

    async def take_up(self, redact: Callable[[str], str]) -> int:
        """Make the words of new tasks findable, without what looks like a secret; says of how many."""
        row = await self._row("since")
        after, total = (row["after"] if row else UUID(int=0)), 0
        while taken := await self._take(after, redact):
            after = taken[-1]
            total += len(taken)
        return total

    async def _take(self, after: UUID, redact: Callable[[str], str]) -> list[UUID]:
        async with self._database.transaction() as database:
            here = Search(database)
            alone = await here._row("alone")
            if not (alone and alone["mine"]):
                return []
            rows = await here._rows("untaken", after=after, limit=_TAKEN_AT_ONCE)
            ids = [row["id"] for row in rows]
            words = [redact((row["prompt"] or "")[:_LONGEST_WORDS]) for row in rows]
            if ids:
                await here._row("take", ids=ids, words=words)
            return ids
