"""Every setting, read once from the environment and `creative-tasks.toml`, then frozen."""

import ipaddress
import os
import re
import tomllib
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from schemas.providers import PROVIDERS
from schemas.routes import Route
from tasks_service.server_urls import passwords_in, what_is_wrong_with

DEFAULT_FILE = Path("creative-tasks.toml")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|https?://\[[0-9a-f:]+\](?::[0-9]{1,5})?")

_ADDRESS = re.compile(rf"(?:{_ORIGIN.pattern})(?:/[A-Za-z0-9._~-]+)*/?")


class ConfigurationFileError(ValueError):
    """The configuration file cannot be used; the text is one sentence."""


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
    callback_base_url: str = ""  # how upstreams reach the API; empty: they are told no address to ring at
    metrics_port: int = Field(default=0, ge=0, le=65535)  # of a worker; 0: any free one, told in its log

    # Upstreams
    routes: tuple[Route, ...] = ()

    # Limits
    max_body_bytes: int = Field(default=8 << 20, ge=1024)
    max_result_bytes: int = Field(default=2 << 30, ge=1024)
    database_pool: int = Field(default=10, ge=1)
    # Of bodies, in memory at once in one process, with what their images become; half of it for one account
    max_bodies_bytes: int = Field(default=256 << 20, ge=1 << 20)
    max_in_flight: int = Field(default=1000, ge=1)  # under way in one process; more are told to retry
    max_waiting: int = Field(default=2000, ge=0)  # requests held by ?wait=
    # How long a task that ended, and was not certainly free, counts against the same work; 0: not at all
    duplicate_window_s: float = Field(default=600, ge=0, le=30 * 86400)
    # How many whole months before this one are kept; left out, all of them
    retention_months: int | None = Field(default=None, ge=1)

    # Reference images
    max_image_bytes: int = Field(default=32 << 20, ge=1024, lt=1 << 32)
    max_images_bytes: int = Field(default=128 << 20, ge=1024)  # all images of one request together
    max_image_pixels: int = Field(default=50_000_000, ge=1, le=200_000_000)
    max_image_fetches: int = Field(default=32, ge=1)  # from addresses, at once, in one process
    image_timeout_s: float = Field(default=20, gt=0)
    # Origins such as http://127.0.0.1:9000 from which images are fetched although they are not public
    trusted_image_origins: tuple[str, ...] = ()

    # Pace
    lease_s: float = Field(default=20, gt=0)
    tick_s: float = Field(default=1, gt=0)
    batch: int = Field(default=100, ge=1)
    workers: int = Field(default=1, ge=1)  # that share the routes' limits where Redis cannot say how many
    call_timeout_s: float = Field(default=30, gt=0)
    submit_timeout_s: float = Field(default=120, gt=0)
    download_timeout_s: float = Field(default=1800, gt=0)
    submit_give_up_s: float = Field(
        default=3600, gt=0
    )  # how long a submission that never left is tried again
    parked_wait_s: float = Field(default=300, gt=0)
    stop_wait_s: float = Field(default=30, gt=0)

    # Patience
    park_unknown_after_s: float = Field(default=90, gt=0)  # of asking what became of a lost submission
    stalled_after_s: float = Field(default=3600, gt=0)  # in one state upstream before a person is asked
    lost_after_s: float = Field(default=600, gt=0)  # of nothing but "no such task" from the upstream
    hard_limit_s: float = Field(default=7 * 86400, gt=0)  # then we give up, and look on for late results
    late_wait_s: float = Field(default=3600, gt=0)  # between such late looks
    # How long after a request could last have left a clear "no such reference" proves that it never arrived;
    # left out, each provider's file says it.
    absent_after_s: float | None = Field(default=None, gt=0)

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
        return init_settings, env_settings, InitSettingsSource(settings_cls, _read_file(settings_cls))

    @field_validator("database_url", "redis_url")
    @classmethod
    def _can_be_read(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        if wrong := what_is_wrong_with(str(info.field_name).upper(), url.get_secret_value()):
            raise ValueError(wrong)
        return url

    @field_validator("data_folder", mode="before")
    @classmethod
    def _is_named(cls, folder: Any) -> Any:
        if isinstance(folder, str) and not folder.strip():
            raise ValueError("the data folder has no name; name one, or leave the setting out")
        if not str(folder).isprintable():
            raise ValueError("the data folder's name holds characters that cannot be printed")
        return folder

    @field_validator("callback_base_url")
    @classmethod
    def _can_be_called(cls, url: str) -> str:
        if url and not _ADDRESS.fullmatch(url):
            raise ValueError("this is no address to ring at: give scheme, host, port and path, nothing else")
        return url.rstrip("/")

    @field_validator("trusted_image_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin: give scheme, host and port, nothing else")
        return origins

    @field_validator("routes", mode="before")
    @classmethod
    def _read_credentials(cls, routes: Any) -> Any:
        """A credential is named, not written down: `env:NAME` or `file:PATH`."""
        if not isinstance(routes, list | tuple) or not all(isinstance(one, dict | Route) for one in routes):
            raise ValueError(
                "routes is a list of tables: [[routes]] in the file, or a list of JSON objects in "
                "CREATIVE_TASKS_ROUTES"
            )
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
    def duplicate_window(self) -> timedelta:
        """How long the end of a task counts against the same work."""
        return timedelta(seconds=self.duplicate_window_s)

    @property
    def base_url(self) -> str:
        """How clients reach the API; links in answers begin with it."""
        return (self.public_url or self.local_address).rstrip("/")

    @property
    def local_address(self) -> str:
        """How this machine reaches the API, also where it listens on every address."""
        return _reached_at(self.host, self.port)

    @property
    def store(self) -> str:
        """Where results are kept, as a URL."""
        return self.store_url or f"file://{(self.data_folder / 'artifacts').absolute()}"

    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen in evidence or logs."""
        urls = (self.database_url.get_secret_value(), self.redis_url.get_secret_value(), self.store_url)
        found = [password for url in urls for password in passwords_in(url)]
        for route in self.routes:
            credential = route.credential.get_secret_value()
            # Of a pair, each half alone is a secret too.
            found += [*passwords_in(route.base_url), credential, *credential.split("|")]
        return tuple(filter(None, found))


def setting_names() -> dict[str, str]:
    """Every setting by its name in the environment, with its name in the file."""
    return {
        str(field.validation_alias or f"CREATIVE_TASKS_{name.upper()}"): name
        for name, field in Settings.model_fields.items()
    }


def nearest(name: str, known: list[str]) -> str:
    """A question to put behind an unknown name; empty where nothing is like it."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def configuration_file() -> Path | None:
    """The file that is read; None where none is named and the usual one is not there."""
    if named := os.environ.get("CREATIVE_TASKS_CONFIG"):
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _read_file(settings: type[BaseSettings]) -> dict[str, Any]:
    file = configuration_file()
    if file is None:
        return {}
    try:
        read = tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise ConfigurationFileError(f"{file} cannot be read: {why}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationFileError(f"{file} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationFileError(f"{file} is not valid TOML: {error}") from error
    aliases = [
        str(field.validation_alias) for field in settings.model_fields.values() if field.validation_alias
    ]
    known = [*settings.model_fields, *aliases]
    for name in read.keys() - set(known):
        meant = nearest(name.lower().removeprefix("creative_tasks_"), known)
        raise ConfigurationFileError(f"{file} has {name}, which is no setting{meant}")
    return read


def _with_credential(route: dict[str, Any]) -> dict[str, Any]:
    given, name = route.get("credential", ""), route.get("name")
    if not isinstance(given, str) or not given:
        return route
    how, _, where = given.partition(":")
    if how == "env":
        if where not in os.environ:
            raise ValueError(f"route {name}: the environment has no {where}")
        return route | {"credential": os.environ[where].strip()}
    if how == "file":
        try:
            return route | {"credential": Path(where).read_text(encoding="utf-8").strip()}
        except (OSError, ValueError) as error:
            why = (getattr(error, "strerror", None) or "it is not text").lower()
            raise ValueError(f"route {name}: its credential file {where} cannot be read: {why}") from error
    raise ValueError(f"route {name}: a credential is env:NAME or file:PATH, never the secret itself")


@lru_cache(maxsize=8)
def _reached_at(host: str, port: int) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"
