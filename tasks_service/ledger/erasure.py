"""What a customer gave us becomes nothing; that it happened, when, and the digests stay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.pictures import sha256_of
from tasks_service.ledger.connection import Book
from tasks_service.ledger.decisions import Said


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why the content of a task cannot be erased now: it is not over, or an answer may still arrive."""

    not_before: datetime | None = None


class Erasure(Book, beside=__file__):
    """Used inside a transaction, so that nothing is erased in part."""

    async def erase(self, task_id: UUID, said: Said) -> list[str] | Hindrance:
        """Erase a task's content; answers the keys of its files, and the second time none."""
        held = await self._row("hold", id=task_id)
        if held is None or not held["over"]:
            return Hindrance()
        if held["erased_at"] is not None:
            return []
        if (expected := await self._row("answer_by", id=task_id)) is not None:
            return Hindrance(expected["at"])
        # The task first: only of an erased one may the words of its history become nothing.
        for query in (
            "erase_task",
            "erase_events",
            "erase_calls",
            "erase_notes",
            "erase_group",
            "erase_words",
            "look_no_more",
        ):
            await self._rows(query, id=task_id)
        await self._row("release_images", account_id=held["account_id"], digests=_digests(held["pictures"]))
        keys = [row["key"] for row in await self._rows("release_files", id=task_id)]
        await self._row("note", id=task_id, note_id=uuid7(), actor=said.actor, detail=said.reason)
        return keys

    async def of_account(self, account: str, after: UUID | None, limit: int) -> list[UUID]:
        """Tasks of an account that still have their content, oldest first."""
        rows = await self._rows("of_account", account=account, after=after, limit=limit)
        return [row["id"] for row in rows]


def _digests(pictures: list[dict[str, Any]]) -> list[bytes]:
    return sorted({bytes.fromhex(sha256_of(picture["file_id"])) for picture in pictures})
