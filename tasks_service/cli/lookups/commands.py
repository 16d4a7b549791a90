"""Looking tasks up, straight from the ledger: list, find, show, history, why."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from schemas.ids import parse_task_id, task_id_text
from schemas.lifecycle import Parked, State
from schemas.redaction import Redactor
from schemas.refusals import SecretPasted
from schemas.task import Artifact, Task
from tasks_service.cli.columns import print_columns
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import ledger_of
from tasks_service.cli.errors import Trouble
from tasks_service.cli.lookups.text import entry_as_json, sheet, state_of, task_as_json, told
from tasks_service.cli.screen import as_json, clipped, plain
from tasks_service.explanation import Language, explain, last_words
from tasks_service.ledger.connection import Row
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.ledger import Ledger
from tasks_service.search import Found, search
from tasks_service.story import Entry, story

_ECHO = 80  # how much of a wrong argument is repeated
_NEW_LINE, _UNDER = "\n", f"\n{'':<15}"

_without_secrets = Redactor()
_NAMES = {
    "task_id": "our id",
    "upstream_id": "the provider's id",
    "external_id": "the customer's id",
    "request_id": "a request id",
    "upstream_request_id": "the provider's request id",
    "idempotency_key": "an Idempotency-Key",
    "artifact": "a file's SHA-256",
    "key": "an API key",
    "masked_key": "a masked key",
    "words": "words",
}

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of the task, such as tsk_01kp….")]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the newest first.")]


def list_tasks(
    state: Annotated[list[State] | None, typer.Option(help="Only in this state; may be given twice.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    parked: Annotated[bool, typer.Option("--parked", help="Only those that wait for a person.")] = False,
    limit: Limit = 20,
    json_: Json = False,
) -> None:
    """List tasks, the newest first."""
    filters = Filters(
        account=account,
        states=[one.value for one in state] if state else None,
        model=model,
        parked=[reason.value for reason in Parked] if parked else None,
    )
    _show_many(asyncio.run(_page(filters, limit)), json_)


def find(
    text: Annotated[str, typer.Argument(help="Whatever the customer pasted; - reads standard input.")],
    limit: Limit = 20,
    json_: Json = False,
) -> None:
    """Find tasks by whatever was pasted: any id, a masked key, a file's SHA-256, an error text, words."""
    pasted = (sys.stdin.read() if text == "-" else text).strip()
    if not pasted:
        raise Trouble("Find needs an id, or words of a prompt or an error.")
    found = asyncio.run(_found(pasted, limit))
    if json_:
        understood = [{"as": one.what, "value": one.value} for one in found.understood]
        typer.echo(
            as_json({"understood": understood, "data": [task_as_json(task, []) for task in found.tasks]})
        )
        return
    read_as = ", ".join(f"{_NAMES.get(one.what, one.what)} {one.value!r}" for one in found.understood)
    if not found.tasks:
        hint = f", read as {read_as}" if "\n" in pasted or len(pasted) > _ECHO else ""
        raise Trouble(f"No task has {clipped(pasted, _ECHO)!r} as an id or in its words{hint}.")
    typer.echo(plain(f"understood as {read_as}\n"))
    _show_many(found.tasks, json_=False)


def show(task_id: Id, json_: Json = False) -> None:
    """Show one task as it is now: request, state, files, failure."""
    task, files = asyncio.run(_one(task_id))
    if json_:
        typer.echo(as_json(task_as_json(task, files)))
        return
    for name, value in sheet(task, files):
        # Later lines of a value stand under the first, so that none passes for a line of ours.
        typer.echo(f"{name:<14} {plain(value).replace(_NEW_LINE, _UNDER)}")


def history(task_id: Id, json_: Json = False) -> None:
    """Tell everything that happened to a task, oldest first: checks, calls, states, files, and who did it."""
    task, entries = asyncio.run(_history(task_id))
    if json_:
        typer.echo(as_json([entry_as_json(entry) for entry in entries]))
        return
    typer.echo("\n".join(map(plain, told(task, entries))))


def why(
    task_id: Id,
    lang: Annotated[Language, typer.Option(help="The language of the answer.")] = Language.EN,
    json_: Json = False,
) -> None:
    """Say in plain words what a task is doing or why it failed, what it cost, and whose move it is."""
    task, files, said, notes = asyncio.run(_with_last_words(task_id))
    points = explain(task, len(files), said, datetime.now(UTC), lang, notes)
    if json_:
        typer.echo(as_json({point.question: point.answer for point in points}))
        return
    typer.echo(f"{task_id_text(task.id)}  {task.model}  {state_of(task)}")
    for point in points:
        typer.echo(f"\n{point.question}\n  {' '.join(plain(point.answer).split())}")


async def _page(filters: Filters, limit: int) -> list[Task]:
    async with ledger_of(read_settings()) as ledger:
        return await ledger.tasks.page(filters, None, limit)


async def _found(text: str, limit: int) -> Found:
    async with ledger_of(read_settings()) as ledger:
        try:
            return await search(ledger, text, Filters(), None, limit)
        except SecretPasted as refusal:
            raise Trouble(refusal.detail) from None


async def _one(text: str) -> tuple[Task, list[Artifact]]:
    async with ledger_of(read_settings()) as ledger:
        task = await get_task(ledger, text)
        return task, await ledger.history.artifacts(task.id)


async def _with_last_words(text: str) -> tuple[Task, list[Artifact], str, list[Row]]:
    async with ledger_of(read_settings()) as ledger:
        task = await get_task(ledger, text)
        said = last_words(await ledger.history.calls(task.id))
        notes = await ledger.history.notes(task.id)
        return task, await ledger.history.artifacts(task.id), said, notes


async def _history(text: str) -> tuple[Task, list[Entry]]:
    async with ledger_of(read_settings()) as ledger:
        task = await get_task(ledger, text)
        return task, await story(ledger, task)


async def get_task(ledger: Ledger, text: str) -> Task:
    """The task of that id. Raises Trouble where there is none."""
    task_id = parse_task_id(text)
    task = await ledger.tasks.get(task_id) if task_id else None
    if task is None:
        raise Trouble(
            f"There is no task {clipped(text, _ECHO)}; creative-tasks find looks for other ids and for words."
        )
    return task


def _show_many(tasks: Sequence[Task], json_: bool) -> None:
    if json_:
        typer.echo(as_json([task_as_json(task, []) for task in tasks]))
        return
    rows = [
        (
            task_id_text(task.id),
            f"{task.created_at:%m-%d %H:%M:%S}",
            task.account,
            task.model,
            state_of(task),
            _without_secrets(" ".join(task.request.prompt.split())),
        )
        for task in tasks
    ]
    print_columns(("task", "accepted (UTC)", "account", "model", "state", "prompt"), rows)
