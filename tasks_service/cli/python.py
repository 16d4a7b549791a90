"""How our own modules are started as processes."""

import os
import sys
from pathlib import Path

import tasks_service


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module.

    With -P: a folder named `schemas` where the user happens to stand must not be taken for ours.
    """
    return [sys.executable, "-P", "-m", name, *arguments]


def import_path() -> dict[str, str]:
    """What such a process needs to find us in a checkout that is not installed."""
    root = Path(tasks_service.__path__[0]).parent
    if root.name in ("site-packages", "dist-packages"):
        return {}
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(root), *([inherited] if inherited else [])])}
