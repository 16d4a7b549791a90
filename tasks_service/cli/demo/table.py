"""The table of the stories: moving where somebody watches, a line a change elsewhere."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table
from rich.text import Text

from tasks_service.cli.demo.progress import Telling
from tasks_service.cli.screen import Screen, plain

_WIDE = 130
_COLOURS = {"downloaded": "green", "failed": "red", "parked": "yellow", "queued": "cyan", "running": "cyan"}


@contextmanager
def shown_live(screen: Screen, tellings: Sequence[Telling]) -> Generator[Callable[[Telling], None]]:
    """Show the stories while they are told; the yielded function is called at every change."""
    if not screen.lively:
        yield lambda telling: screen.say(_line(telling))
        return
    with Live(
        get_renderable=lambda: stories_table(tellings, screen.console.width),
        console=screen.console,
        refresh_per_second=8,
    ):
        yield lambda _: None


def stories_table(tellings: Sequence[Telling], width: int) -> Table:
    """Every story with where it is; a narrow one leaves out what can be looked up."""
    wide = width >= _WIDE
    headings = (
        ("story", "task", "model", "state", "progress", "age") if wide else ("story", "task", "state", "age")
    )
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    for heading in headings:
        right = heading in ("progress", "age")
        longest = max([len(heading), *(_cells(telling)[heading].cell_len for telling in tellings)])
        table.add_column(heading, no_wrap=True, width=longest, justify="right" if right else "left")
    table.add_column("what it says", no_wrap=not wide, overflow="fold" if wide else "ellipsis", ratio=1)
    for telling in tellings:
        cells = _cells(telling)
        table.add_row(*(cells[heading] for heading in headings), Text(plain(telling.says)))
    return table


def _cells(telling: Telling) -> dict[str, Text]:
    progress = (telling.task or {}).get("progress")
    return {
        "story": Text(telling.story.name),
        "task": Text(telling.task_id or "", "dim"),
        "model": Text(telling.story.model),
        "state": Text(telling.state, _COLOURS.get(telling.state, "")),
        "progress": Text("" if progress is None else f"{progress} %"),
        "age": Text(f"{telling.age_s:.0f} s"),
    }


def _line(telling: Telling) -> str:
    return "  ".join(
        part
        for part in (
            f"{telling.age_s:5.1f} s",
            f"{telling.story.name:<12}",
            telling.task_id or " " * 30,
            f"{telling.state:<11}",
            telling.says,
        )
        if part
    )
