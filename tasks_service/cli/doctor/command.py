"""`creative-tasks doctor`: what would be used, and what would stop it."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tasks_service.cli.configuration import read_settings
from tasks_service.cli.doctor.findings import Finding, Health
from tasks_service.cli.screen import Screen, plain

_MARKS = {Health.GOOD: ("✔", "green"), Health.WORTH_KNOWING: ("!", "yellow"), Health.BAD: ("✘", "red")}


def doctor(
    folder: Annotated[
        str | None, typer.Option(metavar="PATH", help="The data folder to look at.", show_default=".data")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port that would be used.")] = None,
) -> None:
    """Show versions, engines, ports, clock, disk and routes, and what would be used.

    Exit code 1 only where something would stop `creative-tasks up`.
    """
    # Slow to import, and no other command needs it.
    from tasks_service.cli.doctor.checks import checkup

    settings = read_settings(data_folder=folder, port=port)
    findings = asyncio.run(checkup(settings))
    _print(Screen(), findings)
    raise typer.Exit(1 if any(finding.health is Health.BAD for finding in findings) else 0)


def _print(screen: Screen, findings: list[Finding]) -> None:
    if not screen.lively:
        screen.say(
            *(f"{_MARKS[finding.health][0]} {finding.name:<10} {finding.says}" for finding in findings)
        )
        return
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=10)
    table.add_column(ratio=1, overflow="fold")
    for finding in findings:
        mark, colour = _MARKS[finding.health]
        table.add_row(Text(mark, colour), Text(finding.name, "bold"), Text(plain(finding.says)))
    screen.console.print(table)
