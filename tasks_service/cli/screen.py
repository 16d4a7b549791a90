"""What people see while things start and run: one line each."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

_NAME_WIDTH = 9
_SECONDS_WIDTH = 7


class Screen:
    """Lines for a terminal; without one, the same words as plain text, one line each."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(highlight=False)

    @property
    def lively(self) -> bool:
        """Whether somebody sits before it, so that a table may move."""
        return self.console.is_terminal

    def started(self, name: str, what: str, where: str, seconds: float) -> None:
        """A part of the system is up."""
        self._line("[green]✔[/]", name, what, where, f"{seconds:.1f} s")

    def absent(self, name: str, what: str) -> None:
        """A part is not there, and that is all right."""
        self._line("[dim]–[/]", name, what, "", "")

    def news(self, sentence: str) -> None:
        """Something happened to a part."""
        self.console.print(Text.assemble(("↻ ", "yellow"), sentence), soft_wrap=True)

    def say(self, *lines: str) -> None:
        """Plain lines that can be copied: never wrapped, never coloured."""
        for line in lines:
            self.console.print(Text(line), soft_wrap=True)

    def _line(self, mark: str, name: str, what: str, where: str, seconds: str) -> None:
        if not self.lively:
            words = [part for part in (what, where, seconds) if part]
            sign = Text.from_markup(mark).plain
            self.console.print(Text(f"{sign} {name:<{_NAME_WIDTH}} {'  '.join(words)}"), soft_wrap=True)
            return
        row = Table.grid(padding=(0, 1))
        row.add_column(width=1)
        row.add_column(width=_NAME_WIDTH)
        row.add_column(ratio=1)
        row.add_column(width=_SECONDS_WIDTH, justify="right")
        row.expand = True
        told = Text(what) if not where else Text.assemble(what, "  ", (where, "dim"))
        row.add_row(mark, Text(name, "bold"), told, Text(seconds, "dim"))
        self.console.print(row)


def be_tolerant() -> None:
    """Show a question mark rather than break where the terminal cannot show a character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
