"""What every step works with: made once in `main.py`, handed to each step."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from schemas.capabilities import Model
from schemas.pace import wait_s
from schemas.providers import PROVIDERS, model_of
from schemas.redaction import Redactor
from schemas.task import Claimed, Task
from tasks_service.artifacts import Artifacts
from tasks_service.callbacks import Callbacks
from tasks_service.doorbell import Doorbell
from tasks_service.epochs import Epochs
from tasks_service.ledger.ledger import Ledger
from tasks_service.outside import Outside
from tasks_service.pictures.references import References
from tasks_service.settings import Settings
from workers.guard import RestoreGuard
from workers.habits import Habits
from workers.shares import Shares
from workers.upstream import Upstream

# A task whose model has left its provider's file is still polled, at a gentle pace.
_FORGOTTEN_PACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Workbench:
    """The ledger, the upstreams, the store, and the doorbell."""

    settings: Settings
    ledger: Ledger
    artifacts: Artifacts
    references: References
    outside: Outside
    doorbell: Doorbell
    upstreams: dict[str, Upstream]
    guard: RestoreGuard
    habits: Habits
    shares: Shares
    callbacks: Callbacks

    @classmethod
    async def open(cls, settings: Settings, doorbell: Doorbell) -> "Workbench":
        """Connect to everything. Raises what `ledger.connection.UNAVAILABLE` lists."""
        redactor = Redactor(settings.secrets())
        upstreams = {route.name: Upstream(route, redactor) for route in settings.routes}
        ledger = await Ledger.connect(settings.database_url.get_secret_value(), size=settings.database_pool)
        artifacts = Artifacts(settings.store)
        return cls(
            settings,
            ledger,
            artifacts,
            References(settings.store),
            Outside(),
            doorbell,
            upstreams,
            RestoreGuard(ledger, Epochs(settings.store)),
            Habits(ledger),
            Shares(settings.routes, settings.redis_url.get_secret_value(), settings.workers),
            Callbacks(settings.callback_base_url, artifacts),
        )

    async def close(self) -> None:
        """Let go of everything."""
        await asyncio.gather(*(upstream.close() for upstream in self.upstreams.values()))
        await self.guard.close()
        await self.outside.close()
        await self.doorbell.close()
        await self.shares.close()
        await self.ledger.close()

    def upstream_of(self, task: Task | Claimed) -> Upstream | None:
        """The route that the task was sent to; None where it is no longer configured."""
        return self.upstreams.get(task.route)

    def model_of(self, task: Task | Claimed) -> Model | None:
        """What the provider's file says of the task's model."""
        return model_of(task.provider, task.model) if task.provider in PROVIDERS else None

    def pace(self, task: Task | Claimed, age_s: float) -> timedelta:
        """The time until the next look at a task of this age."""
        model = self.model_of(task)
        return timedelta(seconds=wait_s(model, self.habits.of(task), age_s) if model else _FORGOTTEN_PACE_S)

    def since_s(self, moment: datetime) -> float:
        """Seconds since a moment that the ledger has recorded, by the ledger's clock."""
        return (self.ledger.tasks.clock.now() - moment).total_seconds()

    @property
    def incoming(self) -> Path:
        """Where results lie while they come in."""
        return self.settings.data_folder / "incoming"
