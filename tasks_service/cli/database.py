"""How commands reach the ledger: the database of DATABASE_URL, or the one that runs on the data folder."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from schemas.redaction import Redactor
from tasks_service.cli.configuration import shown
from tasks_service.cli.supervisor.running import what_runs
from tasks_service.cli.trouble import Trouble
from tasks_service.ledger.ledger import Ledger
from tasks_service.settings import Settings


def database_url(settings: Settings) -> str | None:
    """The address of the database; None where none is named and none runs."""
    if named := settings.database_url.get_secret_value():
        return named
    running = what_runs(settings.data_folder)
    return running.database_url if running else None


@asynccontextmanager
async def open_ledger(url: str) -> AsyncGenerator[Ledger]:
    """The ledger for the time of a command. Raises Trouble where it cannot be reached."""
    try:
        ledger = await Ledger.connect(url, size=2)
    except Exception as error:
        # Whatever the driver says (a wrong address, password or name, nobody there): one sentence.
        why = Redactor([url])(str(error) or type(error).__name__).rstrip(".")
        raise Trouble(f"The database cannot be reached: {why}.") from error
    try:
        yield ledger
    finally:
        await ledger.close()


@asynccontextmanager
async def ledger_of(settings: Settings) -> AsyncGenerator[Ledger]:
    """The ledger that the settings lead to. Raises Trouble where there is none."""
    url = database_url(settings)
    if url is None:
        raise Trouble(
            f"Nothing runs on {shown(settings.data_folder)} and DATABASE_URL is not set; "
            "start it with creative-tasks up, or name the database."
        )
    async with open_ledger(url) as ledger:
        if await reached_revision(ledger) is None:
            raise Trouble("The database has no ledger yet; run creative-tasks migrate.")
        yield ledger


async def reached_revision(ledger: Ledger) -> str | None:
    """The revision that a database has reached; None where it never was migrated."""
    try:
        return await ledger.months.revision()
    except Exception as error:
        if type(error).__name__ == "UndefinedTableError":  # asyncpg stays inside the ledger
            return None
        raise
