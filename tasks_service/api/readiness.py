"""Whether a task could be accepted now."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from tasks_service.artifacts import Artifacts
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import newest_revision

_PATIENCE_S = 2.0
# Nobody needs a key to ask, so asking often must not cost the ledger anything.
_REMEMBER_S = 1.0


class Ready(BaseModel):
    """What was looked at, and how it is."""

    ready: bool
    checks: dict[str, str]


class Readiness:
    """Looks at PostgreSQL, its migrations and the store; once a second at most, however many ask."""

    def __init__(self, ledger: Ledger, artifacts: Artifacts):
        self._ledger = ledger
        self._artifacts = artifacts
        self._expected = newest_revision()
        self._one_at_a_time = asyncio.Lock()
        self._seen: Ready | None = None
        self._until = 0.0

    async def look(self) -> Ready:
        """How it is, at most a second ago."""
        async with self._one_at_a_time:
            if self._seen is None or time.monotonic() >= self._until:
                database, store = await asyncio.gather(_words(self._database), _words(self._store))
                checks = {"postgresql": database, "store": store}
                self._seen = Ready(ready=database == store == "ok", checks=checks)
                self._until = time.monotonic() + _REMEMBER_S
            return self._seen

    async def _database(self) -> str:
        found = await self._ledger.months.revision()
        return "ok" if found == self._expected else f"at revision {found}, expected {self._expected}"

    async def _store(self) -> str:
        await self._artifacts.ready()
        return "ok"


async def _words(look: Callable[[], Awaitable[str]]) -> str:
    """An error's type only: its text may hold addresses and names of users."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await look()
    except Exception as error:
        return f"unreachable ({type(error).__name__})"
