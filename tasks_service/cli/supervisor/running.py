"""What runs on a data folder at the moment, left there for the other commands."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """One running supervisor: its process, its addresses, and the process of each part."""

    pid: int
    address: str
    database_url: str
    redis_url: str
    sandbox_url: str = ""
    local_address: str = ""  # how this machine reaches the API
    parts: dict[str, int] = field(default_factory=dict[str, int])


def note_running(folder: Path, running: Running) -> None:
    """Say what runs. Only we may read it: with an outside database its address holds the password."""
    unfinished = folder / f".{_FILE}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(running), file, indent=1)
    unfinished.replace(folder / _FILE)


def forget_running(folder: Path) -> None:
    """Nothing runs any more."""
    (folder / _FILE).unlink(missing_ok=True)


def what_runs(folder: Path) -> Running | None:
    """What runs on a folder, or None; what a killed supervisor left does not count."""
    try:
        read = Running(**json.loads((folder / _FILE).read_text()))
        os.kill(read.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return read
