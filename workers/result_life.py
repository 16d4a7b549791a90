"""How long a finished task's files have waited for us, how long they will stay, and what follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from schemas.task import Task
from schemas.upstream import RemoteFile

_QUICKEST_RETRY_S, _SLOWEST_RETRY_S, _SLOWEST_PARKED_RETRY_S = 0.5, 60.0, 1800.0
_AT_RISK_AFTER_S = 900.0
_GRACE_S = 3600.0  # clocks differ, and some stores are slow to delete
# A quarter of what is left: so three more tries fall before three quarters of it are gone.
_TRIES_IN_WHAT_IS_LEFT = 4


@dataclass(frozen=True, slots=True)
class ResultLife:
    """Seconds since the upstream had finished, and seconds that its links live on, where that is known."""

    since_s: float
    left_s: float | None

    @classmethod
    def of(cls, task: Task, files: Sequence[RemoteFile], now: datetime) -> Self:
        """By what is on record, or by what the latest look says where that is later."""
        said = (task.result_expires_at, *(file.expires_at for file in files))
        ends = max((end for end in said if end is not None), default=None)
        return cls(
            (now - (task.finished_at or task.created_at)).total_seconds(),
            None if ends is None else (ends - now).total_seconds(),
        )

    @property
    def at_risk(self) -> bool:
        """Whether a person should look: a quarter of an hour is over, or half of a shorter life."""
        return self.since_s > _AT_RISK_AFTER_S or (self.left_s is not None and self.since_s > self.left_s)

    @property
    def over(self) -> bool:
        """Whether the upstream had said that it would be gone by now, and some time has passed since."""
        return self.left_s is not None and self.left_s < -_GRACE_S

    def next_try_s(self, parked_wait_s: float, asked_s: float | None) -> float:
        """Seconds to the next try: the older, the longer, but several more while the links live."""
        wait = asked_s or min(self.since_s / 3, _SLOWEST_RETRY_S)
        if self.at_risk:
            wait = max(wait, min(self.since_s / 20, _SLOWEST_PARKED_RETRY_S), parked_wait_s)
        if self.left_s is not None and self.left_s > 0:
            wait = min(wait, self.left_s / _TRIES_IN_WHAT_IS_LEFT)
        return max(wait, _QUICKEST_RETRY_S)
