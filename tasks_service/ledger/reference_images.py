"""Whose reference images there are; the bytes lie in the store."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from schemas.pictures import Picture
from tasks_service.ledger.connection import Book


@dataclass(frozen=True, slots=True)
class KeptImage:
    """An image that an account has, since when, and whether it is new just now."""

    picture: Picture
    created_at: datetime
    new: bool = False


class ReferenceImages(Book, beside=__file__):
    """One row for each account and digest: an image of another account is like none."""

    async def keep(self, account_id: int, picture: Picture) -> KeptImage:
        """The account has this image from now on."""
        values = asdict(picture) | {"sha256": bytes.fromhex(picture.sha256)}
        row = None
        # Whoever is beaten to it by another sees that one's row only in the next statement.
        while row is None:
            row = await self._row("keep", account_id=account_id, **values)
        return KeptImage(picture, row["created_at"], row["new"])

    async def known(self, account_id: int, sha256s: Iterable[str]) -> dict[str, KeptImage]:
        """Those of the images that the account has, by their digests."""
        asked = [bytes.fromhex(sha256) for sha256 in sha256s]
        rows = await self._rows("known", account_id=account_id, sha256s=asked) if asked else []
        found = [
            KeptImage(
                Picture(row["sha256"].hex(), row["type"], row["bytes"], row["width"], row["height"]),
                row["created_at"],
            )
            for row in rows
        ]
        return {kept.picture.sha256: kept for kept in found}
