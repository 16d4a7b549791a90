"""Writes every table of the ledger to files, so that a checker needs no database."""

from pathlib import Path

import asyncpg

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


async def dump(dsn: str, folder: Path) -> None:
    """One CSV file for each table, months together; a null is `\\N`."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
    try:
        # One snapshot: a worker may still be writing its last words.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for row in await connection.fetch(_TABLES):
                await connection.copy_from_query(
                    f'SELECT * FROM "{row["relname"]}"',
                    output=str(folder / f"{row['relname']}.csv"),
                    format="csv",
                    header=True,
                    null="\\N",
                )
    finally:
        await connection.close()
