"""What is going to run, decided before anything is started."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from schemas.redaction import Redactor
from tasks_service.cli.errors import Trouble
from tasks_service.cli.ports import free_port, trouble_with
from tasks_service.settings import Settings

SANDBOX_ROUTES = {"sandbox": "sandbox", "sandbox-gateway": "openai_videos"}  # name of the route: its provider


@dataclass(frozen=True)
class Plan:
    """Everything that `up` was asked for. Embedded servers stand in for what has no URL."""

    settings: Settings
    workers: int
    sandbox: bool
    stories: bool = False
    throwaway: bool = False
    alone: bool = False  # neither the environment nor a file may add to what was decided here

    @property
    def folder(self) -> Path:
        """Where everything is kept."""
        return self.settings.data_folder

    @property
    def logs(self) -> Path:
        """Where the children write."""
        return self.folder / "logs"

    @property
    def embeds_postgres(self) -> bool:
        """Whether the database is ours to start."""
        return not self.settings.database_url.get_secret_value()

    @property
    def embeds_valkey(self) -> bool:
        """Whether the doorbell is ours to start."""
        return not self.settings.redis_url.get_secret_value()

    @property
    def offers_key(self) -> bool:
        """Whether a key is made and shown: not in somebody's own database, unless for the demo."""
        return self.embeds_postgres or self.stories

    @property
    def address(self) -> str:
        """How clients reach the API."""
        return self.settings.base_url

    @property
    def local_address(self) -> str:
        """How we reach it ourselves, also where it listens on every address."""
        return self.settings.local_address

    def without_secrets(self, text: str) -> str:
        """What may be shown of a message."""
        return " ".join(Redactor(self.settings.secrets())(text).split())

    def with_port(self) -> Self:
        """The same on a port that is really free. Raises Trouble where the wanted one is not."""
        host, port = self.settings.host, self.settings.port
        if trouble := trouble_with(host, port):
            raise Trouble(trouble)
        if port == 0:
            return replace(self, settings=self.settings.model_copy(update={"port": free_port(host)}))
        return self

    def make_folders(self) -> None:
        """Make what is not there yet, closed to other users; one that is there stays as it is."""
        own = [self.logs, self.folder / "sandbox", self.folder / "incoming"]
        if not self.settings.store_url:
            own.append(self.folder / "artifacts")
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            self.folder.chmod(0o711)  # root's PostgreSQL runs as another user, who has to pass through
        for folder in own:
            folder.mkdir(mode=0o700, exist_ok=True)

    def check(self) -> None:
        """Raises Trouble where the pieces do not fit together."""
        taken = SANDBOX_ROUTES.keys() & {route.name for route in self.settings.routes}
        if self.sandbox and taken:
            raise Trouble(
                f"The route name {min(taken)} belongs to the sandbox; rename yours, or leave out --demo."
            )

    def environment(self, database_url: str, redis_url: str, sandbox: "Sandbox | None") -> dict[str, str]:
        """How every child is told."""
        told = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CREATIVE_TASKS_DATA_FOLDER": str(self.folder.absolute()),
            "CREATIVE_TASKS_HOST": self.settings.host,
            "CREATIVE_TASKS_PORT": str(self.settings.port),
            "CREATIVE_TASKS_LOG_FORMAT": "json",  # we read their logs
        }
        if self.workers > 1:
            told["CREATIVE_TASKS_METRICS_PORT"] = "0"  # a chosen one could be had by one of them only
        if self.alone:
            told |= {"STORE_URL": "", "CREATIVE_TASKS_CONFIG": os.devnull, "CREATIVE_TASKS_PUBLIC_URL": ""}
        if self.alone or (sandbox and not self.settings.routes and not self.settings.callback_base_url):
            # The studio is on this machine and can ring here; no other upstream could.
            told["CREATIVE_TASKS_CALLBACK_BASE_URL"] = self.local_address
        return told | (self._routes(sandbox) if sandbox else {})

    def _routes(self, sandbox: "Sandbox") -> dict[str, str]:
        """All routes as one variable, and each credential in a variable of its own."""
        told: dict[str, str] = {"CREATIVE_TASKS_SANDBOX_KEY": sandbox.key}
        routes: list[Mapping[str, Any]] = []
        for number, route in enumerate(self.settings.routes, start=1):
            members = route.model_dump(mode="json", exclude={"credential"}, exclude_none=True)
            if credential := route.credential.get_secret_value():
                variable = f"CREATIVE_TASKS_ROUTE_{number}_CREDENTIAL"
                told[variable] = credential
                members |= {"credential": f"env:{variable}"}
            routes.append(members)
        for name, provider in SANDBOX_ROUTES.items():
            routes.append(
                {
                    "name": name,
                    "provider": provider,
                    "base_url": sandbox.url,
                    "credential": "env:CREATIVE_TASKS_SANDBOX_KEY",
                }
            )
        return told | {"CREATIVE_TASKS_ROUTES": json.dumps(routes)}


@dataclass(frozen=True)
class Sandbox:
    """Where the studio on this machine listens, and the key that it takes."""

    url: str
    key: str


def new_sandbox_key() -> str:
    """A credential for one run."""
    return f"sandbox-{secrets.token_urlsafe(18)}"
