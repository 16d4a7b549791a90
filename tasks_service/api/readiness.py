"""Whether a task could be accepted now."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from tasks_service import metrics
from tasks_service.artifacts import Artifacts
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import newest_revision

_PATIENCE_S = 2.0
# Nobody needs a key to ask, so asking often must not cost the ledger anything.
_REMEMBER_S = 1.0
# After that long a look is not coming back, even if its server did: a new one must find out.
_GIVE_UP_S = 30.0


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
        self._looks = {
            "postgresql": _Look(self._database),
            "store": _Look(self._store),
            "sending": _Look(self._guard),
        }

    async def look(self) -> Ready:
        """How it is, at most a second ago."""
        words = await asyncio.gather(*(look.words() for look in self._looks.values()))
        checks = dict(zip(self._looks, words, strict=True))
        sending = checks.pop("sending")
        ready = set(checks.values()) == {"ok"}
        # Tasks are accepted in quarantine too: they wait.
        return Ready(ready=ready, checks=checks | ({"sending": sending} if ready and sending != "ok" else {}))

    async def _database(self) -> str:
        found = await self._ledger.months.revision()
        return "ok" if found == self._expected else f"at revision {found}, expected {self._expected}"

    async def _store(self) -> str:
        await self._artifacts.ready()
        return "ok"

    async def _guard(self) -> str:
        quarantine = (await self._ledger.instance.look()).quarantine
        metrics.QUARANTINED.set(0 if quarantine is None else 1)
        return "ok" if quarantine is None else f"in quarantine since {quarantine.began_at:%Y-%m-%dT%H:%M:%SZ}"


class _Look:
    """One thing that is looked at. Whoever asks during a look, or just after it, shares it."""

    def __init__(self, at: Callable[[], Awaitable[str]]):
        self._at = at
        self._task: asyncio.Task[str] | None = None
        self._began = self._ended = 0.0

    async def words(self) -> str:
        """How it is, in two seconds whatever happens."""
        task = self._current()
        # Not awaited itself, and not cancelled: cancelling a query waits for the very server that hangs.
        await asyncio.wait({task}, timeout=_PATIENCE_S)
        return task.result() if task.done() else "unreachable (TimeoutError)"

    def _current(self) -> asyncio.Task[str]:
        now = time.monotonic()
        if self._task is not None and self._task.done():
            outdated = now >= self._ended + _REMEMBER_S
        else:
            outdated = now >= self._began + _GIVE_UP_S
        if self._task is None or outdated:
            if self._task is not None:
                self._task.cancel()
            self._began = now
            self._task = asyncio.create_task(self._told())
        return self._task

    async def _told(self) -> str:
        """An error's type only: its text may hold addresses and names of users."""
        try:
            return await self._at()
        except Exception as error:
            return f"unreachable ({type(error).__name__})"
        finally:
            self._ended = time.monotonic()
