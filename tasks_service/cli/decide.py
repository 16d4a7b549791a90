"""Deciding about a task that waits for a person, straight in the ledger."""

import asyncio
from typing import Annotated

import typer
from pydantic import ValidationError

from schemas.ids import parse_task_id, task_id_text
from schemas.refusals import StateConflict
from schemas.task import Task
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import ledger_of
from tasks_service.cli.errors import Trouble
from tasks_service.cli.lookups.text import state_of
from tasks_service.cli.person import actor
from tasks_service.cli.screen import clipped
from tasks_service.decisions import Decision, DecisionRequest
from tasks_service.decisions import decide as carry_out
from tasks_service.doorbell import doorbell

_ECHO = 80
_WORDS = ", ".join(decision.value.replace("_", "-") for decision in Decision)


def _decision(word: str) -> Decision:
    try:
        return Decision(word.replace("-", "_"))
    except ValueError:
        raise typer.BadParameter(f"{clipped(word, _ECHO)!r} is none of {_WORDS}.") from None


def decide(
    task_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the task, such as tsk_01kp….")],
    decision: Annotated[
        Decision, typer.Argument(parser=_decision, metavar="DECISION", help=f"One of {_WORDS}.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it becomes history, which the customer can read.")],
    upstream_id: Annotated[str | None, typer.Option(help="For attach: what the provider calls it.")] = None,
) -> None:
    """Decide about a task that waits for a person.

    attach: this is its work at the provider. not-created: the provider has no such work, so it may be sent
    again. close: it is over, as failed. look-again: the provider is asked now.
    """
    try:
        wish = DecisionRequest(decision=decision, reason=reason, upstream_id=upstream_id)
    except ValidationError as error:
        raise Trouble(_wrong(error)) from None
    task = asyncio.run(_decided(task_id, wish))
    typer.echo(f"{task_id_text(task.id)}  {task.model}  {state_of(task)}")


async def _decided(text: str, wish: DecisionRequest) -> Task:
    settings = read_settings()
    bell = doorbell(settings.redis_url.get_secret_value())
    try:
        async with ledger_of(settings) as ledger:
            task_id = parse_task_id(text)
            task = await ledger.tasks.get(task_id) if task_id else None
            if task is None:
                raise Trouble(f"There is no task {clipped(text, _ECHO)}; creative-tasks list shows them.")
            return await carry_out(ledger, bell, task, wish, actor())
    except StateConflict as conflict:
        raise Trouble(conflict.detail) from None
    finally:
        await bell.close()


def _wrong(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"--{str(one['loc'][0]).replace('_', '-')}: {one['msg']}" for one in found) + "."
