"""The processes of a fleet, one command each, and the migration before them."""

import asyncio
import os
from collections.abc import Sequence

import typer

from schemas.redaction import Redactor
from tasks_service import failpoints
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import database_url, migrate_database
from tasks_service.cli.errors import Trouble
from tasks_service.cli.python import import_path, module
from tasks_service.ledger.migrate import newest_revision
from tasks_service.lifeline import end_with_parent
from tasks_service.logs import start_logging


def api() -> None:
    """Run one API process on CREATIVE_TASKS_HOST and CREATIVE_TASKS_PORT; it needs DATABASE_URL.

    Any number of them may run side by side.
    """
    end_with_parent()
    settings = read_settings()
    _need_database(settings.database_url.get_secret_value())
    from tasks_service.app import serve  # FastAPI is slow to import, and no other command needs it

    start_logging("api", style=settings.log_format, redactor=Redactor(settings.secrets()))
    failpoints.arm_from(os.environ)
    try:
        serve(settings)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise Trouble(
            f"The API cannot listen on {where}: {(error.strerror or str(error)).lower()}."
        ) from error


def worker() -> None:
    """Run one worker process; it needs DATABASE_URL. Any number of them may run side by side."""
    _need_database(read_settings().database_url.get_secret_value())
    _become("workers.main", ())


def sandbox(context: typer.Context) -> None:
    """Run the sandbox studio; its options (--help shows them) are passed on."""
    _become("workers.sandbox.main", context.args)


def migrate() -> None:
    """Bring the database to this version's revision. Safe to run twice, and from several machines at once."""
    settings = read_settings()
    url = database_url(settings)
    _need_database(url)
    assert url is not None
    asyncio.run(migrate_database(url))
    typer.echo(f"The database is at revision {newest_revision()}.")


def _need_database(url: str | None) -> None:
    if not url:
        raise Trouble(
            "DATABASE_URL is not set; name the database, or start everything with creative-tasks up."
        )


def _become(name: str, arguments: Sequence[str]) -> None:
    # By name: the service never imports the workers. Replacing this process leaves signals to the new one.
    command = module(name, *arguments)
    os.execve(command[0], command, {**os.environ, **import_path()})  # noqa: S606 - our own module, no shell
