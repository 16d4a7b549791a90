"""A table of plain values: whole where nobody watches, one line a row where somebody does."""

import sys
from collections.abc import Iterable, Iterator, Sequence

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from tasks_service.cli.screen import plain

_GAP = "  "


def print_columns(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings, whole; only on a terminal the last column gives way."""
    width = Console().width if sys.stdout.isatty() else None
    for line in columns(headings, rows, width):
        typer.echo(line)


def columns(headings: Sequence[str], rows: Iterable[Sequence[str]], width: int | None) -> Iterator[str]:
    """The lines. With a width the last column is cut to it, though never below its heading."""
    table = [[" ".join(plain(cell).split()) for cell in row] for row in (headings, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    if width is not None:
        room = width - sum(one + len(_GAP) for one in widths[:-1])
        widths[-1] = min(widths[-1], max(room, cell_len(headings[-1])))
    for row in table:
        padded = [set_cell_size(cell, room) for cell, room in zip(row[:-1], widths[:-1], strict=True)]
        yield _GAP.join([*padded, _cut(row[-1], widths[-1])]).rstrip()


def _cut(cell: str, room: int) -> str:
    return cell if cell_len(cell) <= room else f"{set_cell_size(cell, room - 1).rstrip()}…"
