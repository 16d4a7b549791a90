"""The quarantine from the command line: why nothing is sent, and a person's word that ends it."""

import asyncio
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from tasks_service.artifacts import StoreAway
from tasks_service.cli.columns import print_columns
from tasks_service.cli.configuration import read_settings
from tasks_service.cli.database import ledger_of
from tasks_service.cli.errors import Trouble
from tasks_service.cli.person import actor
from tasks_service.decisions import Reason
from tasks_service.ledger.instance import Quarantine, Standing
from tasks_service.release import end_quarantine

quarantine = typer.Typer(
    no_args_is_help=True,
    help="The restore guard: nothing is sent where the database may have forgotten payments.",
)


@quarantine.command()
def show() -> None:
    """Show whether tasks are sent, and the quarantines there were."""
    standing, latest = asyncio.run(_look())
    if standing.quarantine is None:
        typer.echo(f"Tasks are sent; the epoch is {standing.epoch}.")
    else:
        typer.echo(f"Nothing is sent since {standing.quarantine.began_at:%Y-%m-%d %H:%M:%S} UTC.")
        typer.echo(f"{standing.quarantine.words}.")
        typer.echo(f"{standing.quarantine.doubted} tasks may have been paid in the time that was forgotten.")
        typer.echo("When that is understood: creative-tasks quarantine release --reason …")
    if latest:
        rows = [
            (
                f"{one.began_at:%Y-%m-%d %H:%M}",
                str(one.doubted),
                f"{one.released_at:%Y-%m-%d %H:%M}" if one.released_at else "",
                one.released_by or "",
                one.release_reason or "",
            )
            for one in latest
        ]
        print_columns(("began (UTC)", "in doubt", "released (UTC)", "by", "why"), rows)


@quarantine.command()
def release(
    reason: Annotated[str, typer.Option(help="Why tasks may be sent again; it is kept.")],
) -> None:
    """Let tasks be sent again. Those in doubt are looked up, or wait for a person's decision."""
    try:
        words: str = TypeAdapter(Reason).validate_python(reason)
    except ValidationError as error:
        wrong = "; ".join(one["msg"] for one in error.errors(include_url=False, include_input=False))
        raise Trouble(f"A release needs a reason, which is kept with your name: {wrong}.") from None
    ended = asyncio.run(_release(words))
    if ended is None:
        raise Trouble("There is no quarantine to release: tasks are being sent.")
    typer.echo(f"Released. {ended.doubted} tasks are in doubt: creative-tasks list --parked shows who waits.")


async def _look() -> tuple[Standing, list[Quarantine]]:
    async with ledger_of(read_settings()) as ledger:
        return await ledger.instance.look(), await ledger.instance.quarantines()


async def _release(reason: str) -> Quarantine | None:
    settings = read_settings()
    async with ledger_of(settings) as ledger:
        try:
            return await end_quarantine(ledger, settings.store, actor(), reason)
        except StoreAway as away:
            raise Trouble(
                f"The store cannot be read, so it is not known which epoch it has: {away}."
            ) from None
