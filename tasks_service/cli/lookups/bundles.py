"""A task's evidence as one file."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from schemas.ids import task_id_text
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import ledger_of
from tasks_service.cli.errors import Trouble
from tasks_service.cli.lookups.commands import Id, get_task


def bundle(
    task_id: Id,
    form: Annotated[
        Literal["zip", "json", "md"], typer.Option("--format", help="Both in a zip, JSON, or Markdown.")
    ] = "zip",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to; - is standard output. Else here, by its id."),
    ] = None,
) -> None:
    """Pack everything on record about a task into one file, without secrets: to hand on, or to keep."""
    # Loaded only here: every other command would start later for it.
    from tasks_service.api.bundles import packed

    name, found = asyncio.run(_gathered(task_id))
    content = packed(found, form)
    if output == Path("-"):
        sys.stdout.buffer.write(content)
        return
    where = output or Path(f"{name}.{form}")
    try:
        where.write_bytes(content)
    except OSError as error:
        raise Trouble(f"The bundle cannot be written to {where}: {error.strerror}.") from None
    typer.echo(str(where))


async def _gathered(text: str) -> tuple[str, dict[str, Any]]:
    from tasks_service.api.bundles import gather

    settings = read_settings()
    async with ledger_of(settings) as ledger:
        task = await get_task(ledger, text)
        return task_id_text(task.id), await gather(ledger, task, settings, staff=True)
