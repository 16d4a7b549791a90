"""One paid request of one task, as those who send it, settle it and look for it speak of it."""

from dataclasses import dataclass

from schemas.task import Task
from schemas.upstream import Recovery
from workers.line import boottime
from workers.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Case:
    """One paid request of one task; `began`, on the clock of `boottime`, is when it could first leave."""

    task: Task
    upstream: Upstream
    attempt: int
    began: float

    @property
    def age_s(self) -> float:
        """Seconds since the request could first have left."""
        return boottime() - self.began

    @property
    def recovery(self) -> Recovery:
        """How its upstream can tell what became of it."""
        return self.upstream.provider.recovery
