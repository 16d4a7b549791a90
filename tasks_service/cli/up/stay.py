"""Runs everything on one machine, and tells the stories on it. Slow to import, so commands do it late."""

import asyncio
from collections.abc import Callable, Sequence

from rich.console import Console

from tasks_service.cli.configuration import shown
from tasks_service.cli.demo.performance import Demo
from tasks_service.cli.demo.progress import Telling
from tasks_service.cli.demo.table import shown_live, stories_table
from tasks_service.cli.screen import Screen
from tasks_service.cli.supervisor.plan import Plan
from tasks_service.cli.supervisor.starting import Started
from tasks_service.cli.supervisor.supervisor import Supervisor
from tasks_service.cli.up.welcome import farewell, welcome, what_to_look_at

_DEADLINE_S = 120.0
_WIDE = 200  # of a table that goes into a file


def stay_up(plan: Plan) -> None:
    """Keep everything up until asked to end."""
    screen, where = Screen(), shown(plan.folder)

    async def meanwhile(started: Started) -> None:
        screen.say(*welcome(started))
        if plan.stories:
            await _tell(started, screen, after=lambda tellings: what_to_look_at(tellings, plan.folder))
        screen.say("", f"Everything stays up until Ctrl-C; the data stays in {where}.")

    asyncio.run(Supervisor(plan, screen).run(meanwhile))
    screen.say(farewell(plan.folder))


def tell_once(plan: Plan) -> int | None:
    """Tell the stories, then end everything: 0 where all ended as told, else 1; None: interrupted."""
    screen = Screen()

    async def meanwhile(started: Started) -> int:
        return await _tell(started, screen, final_table=True)

    return asyncio.run(Supervisor(plan, screen).run(meanwhile))


async def _tell(
    started: Started,
    screen: Screen,
    *,
    final_table: bool = False,
    after: Callable[[Sequence[Telling]], list[str]] = lambda _: [],
) -> int:
    async with Demo.open(started) as demo:
        with shown_live(screen, demo.tellings) as changed:
            await demo.tell(_DEADLINE_S, changed)
        await demo.count_creations()
    if final_table and not screen.lively:
        Console(highlight=False, width=_WIDE).print(stories_table(demo.tellings, _WIDE))
    if otherwise := demo.otherwise():
        screen.say("", "Ended otherwise than told:", *(f"  {sentence}" for sentence in otherwise))
        return 1
    made = sum(telling.creations or 0 for telling in demo.tellings)
    count = len(demo.tellings)
    screen.say("", f"All {count} stories ended as told; the studio's books show {made} jobs, none twice.")
    screen.say(*after(demo.tellings))
    return 0
