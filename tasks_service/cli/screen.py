"""What people see while things start and run: one line each."""

import json
import re
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_NAME_WIDTH = 9
_SECONDS_WIDTH = 7

# Escape sequences whole, so that no half of one stays; then controls, and marks that turn writing around.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_UNSEEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_CONTROLS = re.compile(f"[{_UNSEEN}]")


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
        self.console.print(Text.assemble(("↻ ", "yellow"), plain(sentence)), soft_wrap=True)

    def say(self, *lines: str) -> None:
        """Plain lines that can be copied: never wrapped, never coloured."""
        for line in lines:
            self.console.print(Text(plain(line)), soft_wrap=True)

    def _line(self, mark: str, name: str, what: str, where: str, seconds: str) -> None:
        what, where = plain(what), plain(where)
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


def plain(text: str) -> str:
    """A text of strangers as a terminal may have it: nothing that moves its cursor or changes its title."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\t", " ")))


def clipped(text: str, length: int) -> str:
    """A text of at most so many characters; what is left out is counted."""
    return text if len(text) <= length else f"{text[:length]}… ({len(text) - length} characters more)"


def as_json(value: Any, *, indent: int | None = 2) -> str:
    """JSON that people can read and a terminal survives: control characters stay escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return re.sub(r"[^\n -~]", _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}" if _CONTROLS.match(found[0]) else found[0]


def be_tolerant() -> None:
    """Show a question mark rather than break where the terminal cannot show a character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
