"""How commands reach the ledger: the database of DATABASE_URL, or the one that runs on the data folder."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from schemas.redaction import Redactor
from tasks_service.cli.configuration import shown
from tasks_service.cli.errors import Trouble
from tasks_service.cli.supervisor.running import what_runs
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.migrate import migrate
from tasks_service.server_urls import passwords_in
from tasks_service.settings import Settings

_UNDEFINED_TABLE = "42P01"  # in every SQL database


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
        raise Trouble(f"The database cannot be reached: {_told(error, url)}.") from None
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
        if getattr(error, "sqlstate", None) == _UNDEFINED_TABLE:
            return None
        raise


async def migrate_database(url: str) -> None:
    """Bring a database to the newest revision. Raises Trouble."""
    async with open_ledger(url):  # so that who cannot be reached is told of in the same words everywhere
        pass
    try:
        await migrate(url)
    except Exception as error:
        why = _told(error, url, otherwise=str(error).partition("\n")[0])
        raise Trouble(f"The database could not be migrated: {why}.") from None


def _told(error: BaseException, url: str, otherwise: str = "") -> str:
    """What the system or the server says; else the type: an error's words may repeat the address."""
    chain = [error]
    while cause := chain[-1].__cause__:
        chain.append(cause)
    told = [
        str(one)
        for one in reversed(chain)
        if hasattr(one, "sqlstate") or (isinstance(one, UNAVAILABLE) and not isinstance(one, ValueError))
    ]
    words = next(filter(None, told), otherwise) or type(error).__name__
    return " ".join(Redactor([url, *passwords_in(url)])(words).split()).rstrip(".")
