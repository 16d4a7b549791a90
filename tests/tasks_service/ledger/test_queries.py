"""Every query can be prepared against the migrated schema, and the tables agree with the code."""

import asyncpg

from schemas.lifecycle import LIFECYCLE
from tasks_service.ledger.ledger import BOOKS, Ledger
from tasks_service.ledger.migrate import newest_revision


async def test_every_query_is_accepted_by_the_migrated_schema(dsn):
    queries = [query for book in BOOKS for query in book.queries.values()]
    connection = await asyncpg.connect(dsn)
    for query in queries:
        await connection.prepare(query.text)
    await connection.close()

    assert len(queries) > 30


async def test_the_lifecycle_table_is_the_lifecycle(dsn):
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT from_state, to_state FROM lifecycle")
    await connection.close()

    assert {tuple(row) for row in rows} == {(origin, to) for origin, tos in LIFECYCLE.items() for to in tos}


async def test_the_database_is_at_the_newest_revision(ledger: Ledger):
    assert await ledger.months.revision() == newest_revision()
