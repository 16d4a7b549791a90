"""The embedded servers as parts."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Server(Protocol):
    """What embedded PostgreSQL and Valkey have in common."""

    @property
    def pid(self) -> int:
        """The process number."""
        ...

    def is_alive(self) -> bool:
        """Whether it runs."""
        ...

    def restart(self) -> None:
        """Start it again."""
        ...

    def stop(self) -> None:
        """End it cleanly."""
        ...


class Engine:
    """An embedded server. Its methods wait, so they run beside the loop."""

    def __init__(self, name: str, server: Server, end: Callable[[], None] | None = None):
        """`end` is what to do at the end instead of just stopping it."""
        self.name = name
        self._server = server
        self._end = end or server.stop

    @property
    def pid(self) -> int:
        """Its process number; another one after a restart."""
        return self._server.pid

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._server.is_alive()

    def how_it_ended(self) -> str:
        """In a few words."""
        return "ended unexpectedly"

    async def restart(self) -> None:
        """Start it again under the same address."""
        await asyncio.to_thread(self._server.restart)

    async def stop(self) -> None:
        """End it cleanly."""
        await asyncio.to_thread(self._end)

    def kill(self) -> None:
        """Nothing: it stops fast anyway, and killing it would leave repairs to the next start."""
