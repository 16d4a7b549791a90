"""Reads the settings for a command, and shows paths as people like them."""

from pathlib import Path
from typing import Any

from tasks_service.cli.errors import Trouble
from tasks_service.settings import Settings
from tasks_service.start import WrongSettings, load_settings


def read_settings(**chosen: Any) -> Settings:
    """The settings; what was chosen on the command line wins. None means: not chosen."""
    try:
        return load_settings(**{name: value for name, value in chosen.items() if value is not None})
    except WrongSettings as wrong:
        raise Trouble(str(wrong)) from None


def shown(path: Path) -> str:
    """A path as people like it: relative to where they are, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
