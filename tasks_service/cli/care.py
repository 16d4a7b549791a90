"""What leaves: months by age, and a customer's content on request."""

import asyncio
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from schemas.ids import parse_task_id, task_id_text
from schemas.refusals import StateConflict
from tasks_service.artifacts import Artifacts, StoreAway
from tasks_service.cli.columns import print_columns
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import ledger_of
from tasks_service.cli.errors import Trouble
from tasks_service.cli.person import actor
from tasks_service.cli.screen import clipped
from tasks_service.decisions import Reason
from tasks_service.erasure import erase as erase_task
from tasks_service.erasure import erase_account
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.retention import How
from tasks_service.retention import Leaving, delete_files, overdue, retire

_ECHO = 80


def retention(
    months: Annotated[
        int | None,
        typer.Option(min=1, help="Keep so many whole months before this one; else the setting says."),
    ] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Drop them, with their files.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Take them out; their tables stay.")] = False,
) -> None:
    """Show which months are older than is kept, and let them go where that is asked for.

    A month goes only when every task of it is over. Without --drop or --detach nothing is changed.
    """
    if drop and detach:
        raise Trouble("Say --drop or --detach, not both.")
    asyncio.run(_retention(months, How.DROP if drop else How.DETACH if detach else None))


def erase(
    reason: Annotated[str, typer.Option(help="Why; it is kept, so it should not name what is erased.")],
    task_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The id of a task.")] = None,
    account: Annotated[str | None, typer.Option(help="Instead of one task: all tasks of an account.")] = None,
) -> None:
    """Erase what a task was given, what it made, and what quotes it; the facts of its history stay.

    Only tasks that are over can be erased. Of an account, the others are named.
    """
    if (task_id is None) == (account is None):
        raise Trouble("Name one task, or --account.")
    try:
        words: str = TypeAdapter(Reason).validate_python(reason)
    except ValidationError as error:
        wrong = "; ".join(one["msg"] for one in error.errors(include_url=False, include_input=False))
        raise Trouble(f"An erasure needs a reason, which is kept with your name: {wrong}.") from None
    said = Said(actor(), words)
    asyncio.run(_erase_one(task_id, said) if task_id else _erase_account(account or "", said))


async def _retention(months: int | None, how: How | None) -> None:
    settings = read_settings()
    keep = months or settings.retention_months
    if keep is None:
        raise Trouble(
            "Every month is kept; say how many are with --months, or CREATIVE_TASKS_RETENTION_MONTHS."
        )
    async with ledger_of(settings) as ledger:
        _show(found := await overdue(ledger, keep), keep)
        if how is None:
            if any(one.contents.ripe for one in found):
                typer.echo("Nothing was changed; --drop or --detach lets them go.")
            return
        for month in await retire(ledger, keep, how):
            typer.echo(f"{month:%Y-%m} {'dropped' if how is How.DROP else 'detached'}")
        try:
            if how is How.DROP and (files := await delete_files(ledger, Artifacts(settings.store))):
                typer.echo(f"{files} files deleted")
        except StoreAway as away:
            raise Trouble(f"The files could not be deleted; the workers try again: {away}.") from None


def _show(found: list[Leaving], keep: int) -> None:
    if not found:
        typer.echo(f"No month is older than the {keep} that are kept.")
        return
    rows = [
        (
            f"{one.month:%Y-%m}",
            str(one.contents.tasks),
            str(one.files),
            "goes" if one.contents.ripe else _why(one),
        )
        for one in found
    ]
    print_columns(("month", "tasks", "files", ""), rows)


def _why(one: Leaving) -> str:
    held = one.contents
    reasons = (
        (held.live, "not over"),
        (held.looked_for, "given up, and still looked for"),
        (held.twins, "ended a short while ago"),
    )
    return "stays: " + ", ".join(f"{count} {what}" for count, what in reasons if count)


async def _erase_one(text: str, said: Said) -> None:
    settings = read_settings()
    try:
        async with ledger_of(settings) as ledger:
            found = parse_task_id(text)
            task = await ledger.tasks.get(found) if found else None
            if task is None:
                raise Trouble(f"There is no task {clipped(text, _ECHO)}; creative-tasks list shows them.")
            await erase_task(ledger, Artifacts(settings.store), task, said)
    except StateConflict as conflict:
        raise Trouble(conflict.detail) from None
    typer.echo(f"{task_id_text(task.id)}  erased")


async def _erase_account(account: str, said: Said) -> None:
    settings = read_settings()
    erased, refused = 0, list[str]()
    async with ledger_of(settings) as ledger:
        async for task_id, done in erase_account(ledger, Artifacts(settings.store), account, said):
            erased += done
            if not done:
                refused.append(task_id_text(task_id))
    typer.echo(f"{erased} tasks erased")
    if refused:
        names = ", ".join(refused[:10]) + (", …" if len(refused) > 10 else "")
        raise Trouble(f"{len(refused)} tasks are not over, and keep their content: {names}.")
