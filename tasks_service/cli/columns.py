"""A table of plain values: whole where nobody watches, as wide as the terminal allows where somebody does."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 250


def print_columns(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings. The last column gives way where there is too little room."""
    cells = [[Text(cell) for cell in row] for row in rows]
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDE)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for position, heading in enumerate(headings):
        longest = max([len(heading), *(row[position].cell_len for row in cells)])
        last = position == len(headings) - 1
        table.add_column(heading, no_wrap=True, overflow="ellipsis", min_width=None if last else longest)
    for row in cells:
        table.add_row(*row)
    console.print(table)
