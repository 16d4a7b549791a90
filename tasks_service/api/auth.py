"""Who is asking: `Authorization: Bearer <api key>`, and nothing else."""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from contextlib import aclosing, suppress

from starlette.requests import Request

from schemas.refusals import Unauthenticated
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger

# A revoked key is forgotten when that is heard, and works on for as long as this where it is not.
# A hot one costs one query in the same time.
REMEMBER_S = 3.0
_MOST_REMEMBERED = 10_000
_BEARER = re.compile(r"bearer +([\x21-\x7e]{1,200})", re.IGNORECASE)


class Keyring:
    """Looks keys up, and remembers for a moment whose they are."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic):
        self._ledger = ledger
        self._clock = clock
        self._remembered: dict[bytes, tuple[Caller, float]] = {}
        self._heard = 0
        self.listening = asyncio.Event()

    async def listen(self) -> None:
        """Forget keys as they are revoked; without PostgreSQL, or behind a pooler, memory is merely short."""
        while True:
            with suppress(*UNAVAILABLE):
                async with aclosing(self._ledger.keys.revoked()) as revoked:
                    async for key_id in revoked:
                        self._forget(key_id)
                        self.listening.set()
            self.listening.clear()
            await asyncio.sleep(REMEMBER_S)

    def _forget(self, key_id: str) -> None:
        self._heard += 1
        for digest in [known for known, (caller, _) in self._remembered.items() if caller.key_id == key_id]:
            del self._remembered[digest]

    async def caller(self, request: Request) -> Caller:
        """Who is asking. Raises Unauthenticated, with one answer for every reason."""
        given = request.headers.getlist("authorization")
        found = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        caller = await self._owner(found[1]) if found else None
        if caller is None:
            raise Unauthenticated(
                "Send `Authorization: Bearer <api key>` with a key that is in use.",
                headers={"WWW-Authenticate": 'Bearer realm="creative-tasks"'},
            )
        return caller

    async def _owner(self, key: str) -> Caller | None:
        # The digest, so that no key lies about in memory.
        digest = hashlib.sha256(key.encode()).digest()
        caller, until = self._remembered.get(digest, (None, 0.0))
        if caller is not None and self._clock() < until:
            return caller
        heard = self._heard
        caller = await self._ledger.keys.find(key)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        if caller is None:
            self._remembered.pop(digest, None)
        elif heard == self._heard:  # or it may have been this key that ended meanwhile
            self._remembered[digest] = (caller, self._clock() + REMEMBER_S)
        return caller
