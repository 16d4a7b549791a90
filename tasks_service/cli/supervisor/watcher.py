"""Cleans up behind a supervisor that was killed: a small process that outlives it by some seconds.

It hears over its standard input what runs. Where that ends without a word of farewell, it lets the API and
the workers finish (an answer that was paid for must still reach the ledger), then stops the servers, which
have no lifeline of their own, and removes a throw-away folder.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

from tasks_service.cli.python import import_path, module
from tasks_service.cli.supervisor.part import Part
from tasks_service.embedded.cluster import home_elsewhere
from tasks_service.embedded.postgres import STOPPING as STOPPING_POSTGRES
from tasks_service.embedded.processes import Escalation, command_of, stop_stranger, wait_until
from tasks_service.embedded.valkey import STOPPING as STOPPING_VALKEY

_FAREWELL = "farewell"
_THROWAWAY = "--throwaway"
# Children with a lifeline end by themselves, after 30 seconds by force.
_PATIENCE_S = 40.0
_BY_FORCE: Escalation = ((SIGKILL, 5.0),)
# Who uses others ends before them.
_SERVERS: tuple[tuple[str, Escalation], ...] = (
    ("doorbell", STOPPING_VALKEY),
    ("database", STOPPING_POSTGRES),
)


class Watcher:
    """The supervisor's end: it tells what runs, and at last that all is in order."""

    def __init__(self, folder: Path, *, throwaway: bool):
        """Start the process. It has a session of its own, so that Ctrl-C and a closed terminal pass it by."""
        words = [str(folder.absolute()), *([_THROWAWAY] if throwaway else [])]
        self._process = subprocess.Popen(
            module("tasks_service.cli.supervisor.watcher", *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **import_path()},
            start_new_session=True,
        )

    def tell(self, parts: Iterable[Part]) -> None:
        """Say what runs now."""
        self._write({part.name: part.pid for part in parts if part.pid})

    def farewell(self) -> None:
        """Everything has ended in order, so there is nothing to do."""
        self._write(_FAREWELL)
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _write(self, told: object) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it is gone: then nobody cleans up, and the next start does
            self._process.stdin.write(f"{json.dumps(told)}\n".encode())
            self._process.stdin.flush()


def main() -> None:
    """Listen until the supervisor is gone."""
    folder, throwaway = Path(sys.argv[1]), _THROWAWAY in sys.argv[2:]
    running: dict[str, tuple[int, str]] = {}
    for line in sys.stdin.buffer:
        told = json.loads(line)
        if told == _FAREWELL:
            return
        # What a process is now: later its number may belong to another one.
        running = {name: (pid, _identity(pid)) for name, pid in told.items()}
    _clean_up(running)
    if throwaway:
        with suppress(Exception):
            shutil.rmtree(home_elsewhere(folder) or folder)
        shutil.rmtree(folder, ignore_errors=True)


def _clean_up(running: Mapping[str, tuple[int, str]]) -> None:
    servers = dict(_SERVERS)
    ours = {name: process for name, process in running.items() if name not in servers}
    wait_until(lambda: not any(_is_there(*process) for process in ours.values()), _PATIENCE_S)
    for name, stopping in [*((name, _BY_FORCE) for name in ours), *_SERVERS]:
        if name in running and _is_there(*running[name]):
            stop_stranger(running[name][0], stopping, lambda name=name: _is_there(*running[name]))


def _is_there(pid: int, identity: str) -> bool:
    return identity != "" and _identity(pid) == identity


def _identity(pid: int) -> str:
    """What no other process with this number has; empty where none runs."""
    if not Path("/proc/self").exists():
        return "\0".join(command_of(pid))
    try:
        state, *more = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # One that has ended and was not reaped yet does not count.
    return "" if state == "Z" else f"started at {more[18]}"


if __name__ == "__main__":
    main()
