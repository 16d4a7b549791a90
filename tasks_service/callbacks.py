"""Where upstreams ring: an address for each attempt, which nobody can guess from another.

Its last part says which attempt is meant, and proves by a keyed digest that we made it. So nothing is stored
for it, every process knows it again, and the same request sent once more names the same address. The key lies
in the store, made by whoever needs it first: no dump of the ledger holds what an address could be made from.
"""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

from structlog.stdlib import get_logger

from tasks_service.artifacts import Artifacts

log = get_logger()

_KEY = "callbacks/key"  # no task's id is named so
_KEY_BYTES, _PROOF_BYTES, _NUMBER_BYTES = 32, 16, 4
# So that it is known as a secret wherever it turns up: see `schemas/key_shapes.py`.
_PREFIX = "ct_bell_"
TOKEN = re.compile(rf"{_PREFIX}([A-Za-z0-9_-]{{48}})")


@dataclass(frozen=True, slots=True)
class Named:
    """The attempt that an address stands for."""

    route: str
    task_id: UUID
    attempt: int


class Callbacks:
    """Makes addresses, and knows them again. Without a base URL there are none."""

    def __init__(self, base_url: str, store: Artifacts):
        self._base_url = base_url
        self._store = store
        self._known: bytes | None = None

    async def address(self, route: str, task_id: UUID, attempt: int) -> str | None:
        """Where the upstream of a route may ring for an attempt. Raises StoreAway."""
        key = await self._key()
        if key is None:
            return None
        named = task_id.bytes + attempt.to_bytes(_NUMBER_BYTES)
        token = base64.urlsafe_b64encode(named + _proof(key, route, named)).decode()
        return f"{self._base_url}/v1/callbacks/{route}/{_PREFIX}{token}"

    async def named_by(self, route: str, token: str) -> Named | None:
        """Which attempt a token stands for; None where it was not made for the route. Raises StoreAway."""
        found = TOKEN.fullmatch(token)
        key = await self._key() if found else None
        if found is None or key is None:
            return None
        said = base64.urlsafe_b64decode(found[1])
        named, proof = said[:-_PROOF_BYTES], said[-_PROOF_BYTES:]
        if not hmac.compare_digest(proof, _proof(key, route, named)):
            return None
        return Named(route, UUID(bytes=named[:16]), int.from_bytes(named[16:]))

    async def _key(self) -> bytes | None:
        """None where nobody may ring. Raises StoreAway."""
        if self._known is None and self._base_url:
            key = await self._store.once(_KEY, secrets.token_bytes(_KEY_BYTES))
            if len(key) != _KEY_BYTES:
                # A bell is not worth it that nothing is sent any more.
                log.error("callback_key_broken", advice=f"remove {_KEY} from the store")
                return None
            self._known = key
        return self._known


def _proof(key: bytes, route: str, named: bytes) -> bytes:
    return hmac.digest(key, route.encode("utf-8", "replace") + b"\0" + named, "sha256")[:_PROOF_BYTES]
