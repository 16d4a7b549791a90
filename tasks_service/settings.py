"""Every setting, read once from the environment and `creative-tasks.toml`, then frozen."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.providers import PROVIDERS
from schemas.routes import Route


class Settings(BaseSettings):
    """All of it. The environment wins over the file; times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="CREATIVE_TASKS_",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    # Engines, under the names that every platform sets
    database_url: SecretStr = Field(default=SecretStr(""), validation_alias="DATABASE_URL")
    redis_url: SecretStr = Field(default=SecretStr(""), validation_alias="REDIS_URL")
    store_url: str = Field(default="", validation_alias="STORE_URL")

    # Where things are
    data_folder: Path = Path(".data")
    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=0, le=65535)
    public_url: str = ""
    metrics_port: int = Field(default=0, ge=0, le=65535)  # of a worker; 0: any free one, told in its log

    # Upstreams
    routes: tuple[Route, ...] = ()

    # Limits
    max_body_bytes: int = Field(default=8 << 20, ge=1024)
    max_result_bytes: int = Field(default=2 << 30, ge=1024)
    database_pool: int = Field(default=10, ge=1)
    max_in_flight: int = Field(default=1000, ge=1)  # under way in one process; more are told to retry
    max_waiting: int = Field(default=2000, ge=0)  # requests held by ?wait=

    # Pace
    lease_s: float = Field(default=20, gt=0)
    tick_s: float = Field(default=1, gt=0)
    batch: int = Field(default=100, ge=1)
    call_timeout_s: float = Field(default=30, gt=0)
    submit_timeout_s: float = Field(default=120, gt=0)
    download_timeout_s: float = Field(default=1800, gt=0)
    submit_give_up_s: float = Field(
        default=3600, gt=0
    )  # how long a submission that never left is tried again
    parked_wait_s: float = Field(default=300, gt=0)
    stop_wait_s: float = Field(default=10, gt=0)

    log_format: str = Field(default="json", pattern="^(json|console)$")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        file = Path(os.environ.get("CREATIVE_TASKS_CONFIG", "creative-tasks.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

    @field_validator("routes", mode="before")
    @classmethod
    def _read_credentials(cls, routes: Any) -> Any:
        """A credential is named, not written down: `env:NAME` or `file:PATH`."""
        if not isinstance(routes, list | tuple):
            return routes
        return [_with_credential(route) if isinstance(route, dict) else route for route in routes]

    @model_validator(mode="after")
    def _routes_make_sense(self) -> Self:
        names = [route.name for route in self.routes]
        for route in self.routes:
            if names.count(route.name) > 1:
                raise ValueError(f"two routes are named {route.name}")
            if route.provider not in PROVIDERS:
                raise ValueError(
                    f"route {route.name}: no provider {route.provider}; there are {', '.join(PROVIDERS)}"
                )
        return self

    @property
    def lease(self) -> timedelta:
        """How long a claimed task stays with its worker without a sign of life."""
        return timedelta(seconds=self.lease_s)

    @property
    def base_url(self) -> str:
        """How clients reach the API; links in answers begin with it."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def store(self) -> str:
        """Where results are kept, as a URL."""
        return self.store_url or f"file://{(self.data_folder / 'artifacts').absolute()}"

    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen in evidence or logs."""
        urls = (self.database_url.get_secret_value(), self.redis_url.get_secret_value())
        passwords = tuple(password for url in urls if (password := _password(url)))
        return passwords + tuple(filter(None, (route.credential.get_secret_value() for route in self.routes)))


def _with_credential(route: dict[str, Any]) -> dict[str, Any]:
    given = route.get("credential", "")
    if not isinstance(given, str) or not given:
        return route
    how, _, where = given.partition(":")
    if how == "env":
        if where not in os.environ:
            raise ValueError(f"route {route.get('name')}: the environment has no {where}")
        return route | {"credential": os.environ[where].strip()}
    if how == "file":
        return route | {"credential": Path(where).read_text(encoding="utf-8").strip()}
    raise ValueError(
        f"route {route.get('name')}: a credential is env:NAME or file:PATH, never the secret itself"
    )


def _password(url: str) -> str:
    return unquote(urlsplit(url).password or "")
