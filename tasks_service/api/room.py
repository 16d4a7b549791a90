"""How many requests may be under way in this process, and how many were turned away."""

import time
from collections.abc import Callable

from structlog.stdlib import get_logger

from tasks_service.metrics import HTTP_REQUESTS

_TELL_EVERY_S = 1.0

log = get_logger()


class Room:
    """What is under way; requests that are merely held do not count."""

    def __init__(self, most: int):
        self._most = most
        self._turned_away, self._told_at = 0, 0.0
        self.under_way: set[object] = set()
        self.held: Callable[[], int] = int

    @property
    def over(self) -> bool:
        """Whether there are more than may be."""
        return self._counted > self._most

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return self._counted >= self._most

    def turned_away(self, method: str) -> None:
        """Count one; a line a second tells how many, since a line for each would take the others' time."""
        HTTP_REQUESTS.labels(method, "unmatched", "503").inc()
        self._turned_away += 1
        now = time.monotonic()
        if now >= self._told_at + _TELL_EVERY_S:
            log.warning("overloaded", turned_away=self._turned_away, at_most=self._most)
            self._turned_away, self._told_at = 0, now

    @property
    def _counted(self) -> int:
        return len(self.under_way) - self.held()
