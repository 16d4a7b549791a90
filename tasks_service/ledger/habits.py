"""How long tasks take, as the ledger has seen it."""

from schemas.pace import FEWEST, Habit
from tasks_service.ledger.connection import Book

_MOST = 10_000  # of the latest tasks: a few dozen milliseconds, whatever the ledger's size


class Habits(Book, beside=__file__):
    """Read now and then, by workers that want to look when it is worth it."""

    async def learn(self) -> dict[tuple[str, str], Habit]:
        """The habit of each route and model that has been used enough lately."""
        rows = await self._rows("learn", most=_MOST, fewest=FEWEST)
        return {(row["route"], row["model"]): Habit(row["early_s"], row["late_s"]) for row in rows}
