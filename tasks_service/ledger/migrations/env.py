"""How alembic reaches the ledger: over asyncpg, one migrator at a time."""

import asyncio
from typing import Any

import asyncpg
from alembic import context
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

_ONE_MIGRATOR = 7_264_101  # any number, the same in every process


def _upgrade(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_MIGRATOR})"))
        context.run_migrations()


async def _run() -> None:
    dsn = context.config.attributes["dsn"]

    async def connect(*_: Any, **__: Any) -> Any:
        return await asyncpg.connect(dsn)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)
    await engine.dispose()


asyncio.run(_run())
