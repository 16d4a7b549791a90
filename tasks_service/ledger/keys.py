"""Accounts and API keys. A key is `ct_live_<id>_<secret>`: the id finds the row, the digest proves it."""

import hashlib
import hmac
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from tasks_service.ledger.connection import Book, Database, Row
from tasks_service.ledger.together import Together

_PREFIX = "ct_live_"
_ID_LENGTH = 8
_LETTERS = "0123456789abcdefghijkmnpqrstuvwxyz"
# An unknown id is compared too, so that a wrong key costs the same time whichever part is wrong.
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking."""

    account_id: int
    account: str
    key_id: str
    role: str

    @property
    def staff(self) -> bool:
        """Whether they may see every account."""
        return self.role != "customer"

    @property
    def actor(self) -> str:
        """How history names them."""
        return f"staff:{self.account}" if self.staff else f"customer:{self.key_id}"


class Keys(Book, beside=__file__):
    """Makes, finds and revokes keys; the key itself is shown once and never stored."""

    def __init__(self, database: Database):
        super().__init__(database)
        self._by_id = Together(self._rows_by_id)

    async def new(self, account: str, role: str = "customer", label: str = "") -> str:
        """Make a key for an account, and the account with it."""
        row = await self._row("ensure_account", name=account)
        assert row is not None
        key_id = "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))
        key = f"{_PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
        await self._row(
            "add_key",
            id=key_id,
            account_id=row["id"],
            role=role,
            secret_sha256=_digest(key),
            head=key[: len(_PREFIX) + _ID_LENGTH],
            tail=key[-4:],
            label=label,
        )
        return key

    async def find(self, key: str) -> Caller | None:
        """Whose key this is, or None where it is unknown or revoked."""
        key_id = key[len(_PREFIX) : len(_PREFIX) + _ID_LENGTH] if key.startswith(_PREFIX) else ""
        # Together, since all who use a key ask again at the same moment: when what is remembered ends.
        row = await self._by_id.answer(key_id)
        same = hmac.compare_digest(row["secret_sha256"] if row else _NOBODY, _digest(key))
        if row is None or not same or row["revoked_at"] is not None:
            return None
        return Caller(row["account_id"], row["account"], row["id"], row["role"])

    async def _rows_by_id(self, key_ids: list[str]) -> dict[str, Row]:
        return {row["id"]: row for row in await self._rows("find_keys", ids=key_ids)}

    async def all(self) -> list[Row]:
        """Every key, as far as people may see it."""
        return await self._rows("list_keys")

    async def revoke(self, key_id: str) -> bool:
        """End a key; False where it is unknown or ended already."""
        return await self._row("revoke_key", id=key_id) is not None

    def revoked(self) -> AsyncGenerator[str]:
        """The ids of keys at the moment when they end; empty once, as it begins to listen: see `notices`."""
        return self._database.notices("key_revoked")


def _digest(key: str) -> bytes:
    # A fast hash is right here: the secret has 256 bits of entropy, so it cannot be guessed from its digest.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
