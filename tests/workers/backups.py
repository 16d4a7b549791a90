"""Copies of a database that can be put back, and how far a ledger is."""

import asyncio
from contextlib import suppress

import asyncpg

from tasks_service.ledger.ledger import Ledger


class Backups:
    """Copies of a database, and putting them back, while others are at work on it."""

    def __init__(self, elsewhere: asyncpg.Connection, name: str):
        self._elsewhere = elsewhere
        self._name = name

    async def take(self) -> None:
        await self._alone(f"CREATE DATABASE {self._name}_backup TEMPLATE {self._name} STRATEGY file_copy")

    async def put_back(self) -> None:
        await self._elsewhere.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        await self._alone(f"ALTER DATABASE {self._name}_backup RENAME TO {self._name}")

    async def _alone(self, statement: str) -> None:
        while True:
            await self._elsewhere.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", self._name
            )
            with suppress(asyncpg.ObjectInUseError):
                await self._elsewhere.execute(statement)
                break
        # Pools learn here that their connections are gone.
        await asyncio.sleep(0.2)


async def epoch_of(ledger: Ledger) -> int:
    return (await ledger.instance.look()).epoch
