"""Brings a database to the newest revision of the ledger."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(dsn: str) -> None:
    """Run what has not been run yet; safe to call from many processes at once."""
    config = _config()
    config.attributes["dsn"] = dsn
    # alembic is synchronous, and our env.py runs a loop of its own.
    await asyncio.to_thread(command.upgrade, config, "head")


def newest_revision() -> str:
    """The revision that this code expects."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def revision_count() -> int:
    """How many revisions there are."""
    return len(list(ScriptDirectory.from_config(_config()).walk_revisions()))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
