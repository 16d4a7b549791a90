"""Reads the settings when a process starts, and says in plain sentences what is wrong with them."""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from schemas.routes import Route
from tasks_service import failpoints
from tasks_service.settings import (
    ConfigurationFileError,
    Settings,
    configuration_file,
    nearest,
    setting_names,
)

_WORDS = {
    "extra_forbidden": "is no setting of a route",
    "missing": "is missing",
    "string_unicode": "is not valid Unicode text",
    "path_type": "is not a path",
}


class WrongSettings(Exception):
    """The settings cannot be used; one sentence for each reason, none of which repeats a value."""

    def __init__(self, reasons: list[str]):
        super().__init__(_sentence("; ".join(reasons)))
        self.sentences = [_sentence(reason) for reason in reasons]


def load_settings(**chosen: Any) -> Settings:
    """The settings; what was chosen wins over environment and file. Raises WrongSettings."""
    try:
        return Settings(**chosen)
    except ValidationError as error:
        raise WrongSettings(list(dict.fromkeys(_reasons(error, chosen)))) from None  # it holds the values
    except ConfigurationFileError as error:
        raise WrongSettings([str(error)]) from None
    except SettingsError as error:
        field = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "a setting")
        raise WrongSettings([f"{field}{_place(field, chosen)}: it is not valid JSON"]) from None


def read_settings() -> Settings:
    """The settings of a process without a person before it: one sentence for each reason, and exit code 1."""
    try:
        return load_settings()
    except WrongSettings as wrong:
        for sentence in wrong.sentences:
            print(f"creative-tasks: {sentence}", file=sys.stderr)
        raise SystemExit(1) from None


def unknown_variables(settings: Settings) -> Iterator[tuple[str, str]]:
    """Variables that look like ours and mean nothing, each with the question which one was meant."""
    known = [*setting_names(), "CREATIVE_TASKS_CONFIG", "CREATIVE_TASKS_LIFELINE", *failpoints.VARIABLES]
    credentials = {route.credential.get_secret_value() for route in settings.routes}
    for name, value in sorted(os.environ.items()):
        # A route may take its credential from any name.
        ours = name.upper().startswith("CREATIVE_TASKS_") and value.strip() not in credentials
        if ours and name.upper() not in known:
            yield name, nearest(name.upper(), known)


def _sentence(reasons: str) -> str:
    return f"The configuration is wrong: {reasons}{'' if reasons.endswith('?') else '.'}"


def _reasons(error: ValidationError, chosen: Mapping[str, Any]) -> Iterator[str]:
    for mistake in error.errors(include_url=False, include_input=False, include_context=False):
        where, kind = list(mistake["loc"]), mistake["type"]
        words = _WORDS.get(kind) or mistake["msg"].rstrip(".")
        if kind == "value_error":
            yield mistake["msg"].removeprefix("Value error, ").rstrip(".") + _file_of(where)
            continue
        field = str(where[0]) if where else ""
        name = setting_names().get(field, field)
        inner = "".join(f" {part + 1}" if isinstance(part, int) else f": {part}" for part in where[1:])
        told = f"{name}{inner}{_place(name, chosen)}"
        if kind == "extra_forbidden":
            told, words = told, words + nearest(str(where[-1]), list(Route.model_fields))
        yield f"{told} {words}" if kind in _WORDS else f"{told}: {words}"


def _place(field: str, chosen: Mapping[str, Any]) -> str:
    """Where a value came from, as far as that helps to find it."""
    if chosen.get(field) is not None:
        return ""
    variable = next((name for name, known in setting_names().items() if known == field), "")
    if any(name.upper() == variable for name in os.environ):
        return f" ({variable})"
    file = configuration_file()
    return f" ({file})" if file else ""


def _file_of(where: list[int | str]) -> str:
    """The source of the routes, where our own sentence is about them."""
    return _place("routes", {}) if not where or where[0] == "routes" else ""
