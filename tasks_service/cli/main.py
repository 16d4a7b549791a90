"""The command `creative-tasks`."""

from typing import Annotated

import typer

from tasks_service.cli import fleet
from tasks_service.cli.care import erase, retention
from tasks_service.cli.catalogue import models
from tasks_service.cli.check import check
from tasks_service.cli.decide import decide
from tasks_service.cli.doctor.command import doctor
from tasks_service.cli.errors import OneSentence
from tasks_service.cli.keys import keys
from tasks_service.cli.lookups.bundles import bundle
from tasks_service.cli.lookups.commands import find, history, list_tasks, show, why
from tasks_service.cli.quarantine import quarantine
from tasks_service.cli.screen import be_tolerant
from tasks_service.cli.up import command as up
from tasks_service.cli.version import own_version

app = typer.Typer(
    cls=OneSentence,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_HERE, _ASK, _SUPPORT, _FLEET = (
    "On one machine",
    "Before anything is spent",
    "Looking things up",
    "A fleet, and its care",
)
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app.command(rich_help_panel=_HERE)(up.up)
app.command(rich_help_panel=_HERE)(up.demo)
app.command(rich_help_panel=_HERE)(doctor)
app.command(rich_help_panel=_ASK)(models)
app.command("check", rich_help_panel=_ASK)(check)
app.command("list", rich_help_panel=_SUPPORT)(list_tasks)
app.command(rich_help_panel=_SUPPORT)(find)
app.command(rich_help_panel=_SUPPORT)(show)
app.command(rich_help_panel=_SUPPORT)(history)
app.command(rich_help_panel=_SUPPORT)(why)
app.command(rich_help_panel=_SUPPORT)(bundle)
app.command(rich_help_panel=_SUPPORT)(decide)
app.command(rich_help_panel=_FLEET)(fleet.api)
app.command(rich_help_panel=_FLEET)(fleet.worker)
app.command(rich_help_panel=_FLEET, context_settings=_PASS_ON)(fleet.sandbox)
app.command(rich_help_panel=_FLEET)(fleet.migrate)
app.command(rich_help_panel=_FLEET)(retention)
app.command(rich_help_panel=_FLEET)(erase)
app.add_typer(keys, name="keys", rich_help_panel=_FLEET)
app.add_typer(quarantine, name="quarantine", rich_help_panel=_FLEET)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"creative-tasks {own_version()}")
        raise typer.Exit


@app.callback()
def creative_tasks(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Image and video generation tasks: never lost, never paid for twice.

    Start here: creative-tasks up --demo
    """
    be_tolerant()


if __name__ == "__main__":
    app()
