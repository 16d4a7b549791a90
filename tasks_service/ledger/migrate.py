"""Brings a database to the newest revision of the ledger."""

import asyncio
from pathlib import Path

# alembic brings SQLAlchemy with it, which takes a second to import; whoever only asks for the newest
# revision (every API process does) must not wait for that, so it is imported where it is used.

_MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(dsn: str) -> None:
    """Run what has not been run yet; safe to call from many processes at once."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    # alembic is synchronous, and our env.py runs a loop of its own.
    await asyncio.to_thread(command.upgrade, config, "head")


def newest_revision() -> str:
    """The revision that this code expects: they are numbered in their files' names."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
