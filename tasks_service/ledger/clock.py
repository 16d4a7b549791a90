"""PostgreSQL's clock as a process last read it: one clock for all, so that no worker's own can end a task."""

from datetime import UTC, datetime, timedelta


class Clock:
    """The time as the ledger has it."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def read(self, theirs: datetime) -> None:
        """Take note of the ledger's time."""
        self._ahead = theirs - datetime.now(UTC)

    def now(self) -> datetime:
        """The ledger's time; our own, until it was read for the first time."""
        return datetime.now(UTC) + self._ahead
