"""What a worker knows of how long tasks take: the ledger's own latest ones, read again now and then."""

import asyncio
import random

from structlog.stdlib import get_logger

from schemas.pace import Habit
from schemas.task import Claimed, Task
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger

log = get_logger()

_LEARN_EVERY_S = 120.0


class Habits:
    """Nothing is known at first, and then the provider's declared pace holds."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._known: dict[tuple[str, str], Habit] = {}

    def of(self, task: Task | Claimed) -> Habit | None:
        """How long tasks of this route and model take."""
        return self._known.get((task.route, task.model))

    async def learn(self) -> None:
        """Read it once. Raises what `ledger.connection.UNAVAILABLE` lists."""
        self._known = await self._ledger.habits.learn()

    async def run(self) -> None:
        """Read it now and then; runs until cancelled."""
        while True:
            try:
                await self.learn()
            except UNAVAILABLE as error:
                log.warning("habits_not_learnt", error=repr(error))
            # Not all workers in the same instant.
            await asyncio.sleep(_LEARN_EVERY_S * random.uniform(0.8, 1.2))  # noqa: S311 - not for secrets
