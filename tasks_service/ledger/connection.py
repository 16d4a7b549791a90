"""The one place that talks to the driver: a pool, named queries, and errors by constraint name."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, cast

import asyncpg
import orjson

from tasks_service.ledger.queries import Query, load

Row = Mapping[str, Any]


class NoMonth(Exception):
    """The tables of a month are missing."""


# What it looks like when PostgreSQL is away, full or going down: the caller may try again later.
UNAVAILABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # what asyncpg says when a connection breaks while it is about to speak
    asyncpg.OperatorInterventionError,  # starting, shutting down, crashed, cancelled by its administrator
    asyncpg.InsufficientResourcesError,  # too many connections, disk or memory full
    asyncpg.ReadOnlySQLTransactionError,  # a standby, while another server is being promoted
    # Not set up yet: no such database or role, or nothing migrated.
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    NoMonth,
    asyncpg.LockNotAvailableError,  # somebody changes the schema while a month is to be made
    asyncpg.TransactionRollbackError,  # a deadlock, most likely with a migration
    asyncpg.InternalServerError,
)

_CONNECT_TIMEOUT_S = 5


class Taken(Exception):
    """A guard was there first; `guard` is the name of its constraint."""

    def __init__(self, guard: str):
        super().__init__(guard)
        self.guard = guard


# The server undid the statement as a whole: nothing of it was written, and that is certain.
REFUSED: tuple[type[BaseException], ...] = (
    Taken,
    NoMonth,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
)


class Database:
    """Runs named queries on a pool, or on the one connection of a transaction."""

    def __init__(self, executor: Any, patience_s: float | None = None, dsn: str = ""):
        self._executor = executor
        self._patience_s = patience_s  # with one statement; None: as long as the pool's
        self._dsn = dsn

    @classmethod
    async def connect(cls, dsn: str, *, size: int = 10, lazy: bool = False) -> Self:
        """Open a pool. Raises what `UNAVAILABLE` lists where the server cannot be reached.

        A lazy pool connects at its first query, so it opens while the server is still away.
        """
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0 if lazy else 1,
            max_size=size,
            timeout=_CONNECT_TIMEOUT_S,
            init=_speak_json,
            reset=_keep,
            command_timeout=30,
            server_settings={"application_name": "creative-tasks", "timezone": "UTC"},
        )
        return cls(pool, dsn=dsn)

    async def close(self) -> None:
        """Give the connections back to the server; an unresponsive one is cut after two seconds."""
        try:
            await asyncio.wait_for(self._executor.close(), timeout=2)
        except TimeoutError:
            self._executor.terminate()

    async def rows(self, query: Query, **values: Any) -> list[Row]:
        """Every row of a query."""
        in_order = _ordered(query, values)
        try:
            rows = await self._executor.fetch(query.text, *in_order, timeout=self._patience_s)
        except asyncpg.UniqueViolationError as error:
            raise Taken(str(_constraint(error))) from error
        except asyncpg.CheckViolationError as error:
            # A CHECK has a name; a row that belongs to no partition violates none in particular.
            if _constraint(error) is None:
                raise NoMonth(str(error)) from error
            raise
        return cast("list[Row]", rows)

    async def row(self, query: Query, **values: Any) -> Row | None:
        """The first row of a query, or None."""
        found = await self.rows(query, **values)
        return found[0] if found else None

    async def execute(self, statement: str) -> None:
        """A statement that PostgreSQL wrote itself, such as one that names a table."""
        await self._executor.execute(statement, timeout=self._patience_s)

    @asynccontextmanager
    async def session(self, patience_s: float) -> AsyncGenerator["Database"]:
        """One connection for several statements, each a transaction of its own, for whoever is patient."""
        async with self._executor.acquire() as connection:
            yield Database(connection, patience_s)

    async def notices(self, channel: str) -> AsyncGenerator[str]:
        """What is notified on a channel, on a connection of its own; empty once, as it begins to listen.

        Ends when the connection does. Raises what `UNAVAILABLE` lists.
        """
        heard: asyncio.Queue[str | None] = asyncio.Queue()

        def hear(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
            heard.put_nowait(str(payload))

        def end(_connection: Any) -> None:
            heard.put_nowait(None)

        connection = await asyncpg.connect(self._dsn, timeout=_CONNECT_TIMEOUT_S)
        try:
            connection.add_termination_listener(end)
            await connection.add_listener(channel, hear)
            yield ""
            while (notice := await heard.get()) is not None:
                yield notice
        finally:
            connection.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator["Database"]:
        """One transaction; the yielded database speaks on its connection."""
        if isinstance(self._executor, asyncpg.Pool):
            async with self._executor.acquire() as connection, connection.transaction():
                yield Database(connection)
        else:
            yield self


class Book:
    """A part of the ledger: a Python module and the `.sql` of the same name."""

    queries: dict[str, Query]

    def __init__(self, database: Database):
        self._database = database

    def __init_subclass__(cls, *, beside: str, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        cls.queries = load(beside)

    async def _rows(self, query: str, /, **values: Any) -> list[Row]:
        return await self._database.rows(self.queries[query], **values)

    async def _row(self, query: str, /, **values: Any) -> Row | None:
        return await self._database.row(self.queries[query], **values)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The same values by column, for a statement that takes many rows as arrays."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def _constraint(error: asyncpg.PostgresError) -> str | None:
    return error.as_dict().get("constraint_name")


def _ordered(query: Query, values: Mapping[str, Any]) -> tuple[Any, ...]:
    if set(values) != set(query.parameters):
        raise TypeError(f"{query.name} takes {query.parameters}, got {tuple(values)}")
    return tuple(values[name] for name in query.parameters)


async def _speak_json(connection: Any) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_json_text, decoder=orjson.loads)


def _json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _keep(connection: Any) -> None:
    """Our statements leave nothing behind in a session, so the usual RESET would be a wasted round trip."""
