"""Reads the settings for a command, and says in one sentence what is wrong with them."""

from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from tasks_service.cli.trouble import Trouble
from tasks_service.settings import Settings


def read_settings(**chosen: Any) -> Settings:
    """The settings; what was chosen on the command line wins. None means: not chosen."""
    try:
        return Settings(**{name: value for name, value in chosen.items() if value is not None})
    except ValidationError as error:
        raise Trouble(f"The configuration is wrong: {_first_mistake(error)}.") from error
    except TOMLDecodeError as error:
        raise Trouble(f"creative-tasks.toml is not valid TOML: {error}.") from error
    except SettingsError as error:
        raise Trouble(f"The configuration cannot be read: {error} ({error.__cause__}).") from error
    except OSError as error:
        raise Trouble(f"The configuration names a file that cannot be read: {error}.") from error


def shown(path: Path) -> str:
    """A path as people like it: relative to where they are, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _first_mistake(error: ValidationError) -> str:
    mistakes = [
        f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}"
        if mistake["loc"]
        else mistake["msg"]
        for mistake in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    sentences = "; ".join(mistake.removeprefix("Value error, ").rstrip(".") for mistake in mistakes)
    return sentences.replace("Value error, ", "")
