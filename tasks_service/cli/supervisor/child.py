"""One process of ours: started with a lifeline, its words in a log file, its readiness read from there."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks_service.cli.errors import Trouble
from tasks_service.cli.python import import_path, module
from tasks_service.cli.supervisor.logs import lines_since, rotate
from tasks_service.lifeline import lifeline

_LOOK_S = 0.02
_LAST_BYTES = 64 << 10  # of a log, where last words are looked for


class Child:
    """`python -m MODULE ...`, as a session of its own, so that Ctrl-C reaches us and we decide the order."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, patience_s: float
    ):
        """Prepare it; `patience_s` is how long it may take to stop before it is killed."""
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._patience_s = patience_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._log_read = 0  # how far it was searched for an event

    @property
    def pid(self) -> int:
        """Its process number; another one after a restart."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process; it says itself when it is ready."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        rotate(self.log)
        with self.log.open("ab") as output:
            self._log_start = self._log_read = output.tell()
            self._process = subprocess.Popen(
                module(*self._command),
                stdin=subprocess.PIPE,  # nothing is ever written: its end tells the child that we are gone
                stdout=output,
                stderr=output,
                env={**os.environ, **import_path(), **self._environment, **lifeline()},
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def how_it_ended(self) -> str:
        """By which signal or with which code, and its last words."""
        code = self._process.returncode if self._process else None
        if code is not None and code < 0:
            return f"ended by {signal.Signals(-code).name}"
        said = self.last_words()
        return f"ended with code {code}" + (f": {said}" if said else "")

    async def restart(self) -> None:
        """Start it again."""
        self.start()

    def always(self, *words: str) -> None:
        """Say this too at every restart; the last word on an option wins."""
        self._command += words

    async def stop(self) -> None:
        """SIGTERM, wait, SIGKILL."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            await _ended(process, self._patience_s)
        if process.poll() is None:
            process.kill()
            await _ended(process, self._patience_s)
        if process.stdin is not None:
            process.stdin.close()

    def kill(self) -> None:
        """Do not wait for it any longer."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    async def says(self, event: str, deadline_s: float) -> dict[str, Any]:
        """Wait until it logs an event, and answer that line. Raises Trouble where that does not come."""
        for _ in range(int(deadline_s / _LOOK_S)):
            if found := self._find(event):
                return found
            if not self.is_alive():
                raise self.trouble(self.how_it_ended())
            await asyncio.sleep(_LOOK_S)
        raise self.trouble(f"it was not ready after {deadline_s:.0f} seconds")

    def trouble(self, what: str) -> Trouble:
        """The sentence for a part that could not be started."""
        return Trouble(f"The {self.name} did not start: {what.rstrip('.')} (more in {self.log}).")

    def last_words(self) -> str:
        """What its log says last about the trouble, in one line."""
        start = max(self._log_start, self.log.stat().st_size - _LAST_BYTES)
        for line in reversed(lines_since(self.log, start)[0]):
            said = _complaint(line)
            if said:
                return said.strip().rstrip(".")
        return ""

    def _find(self, event: str) -> dict[str, Any] | None:
        lines, self._log_read = lines_since(self.log, self._log_read)
        told = (_parsed(line) for line in lines)
        return next((line for line in told if line.get("event") == event), None)


def _parsed(line: str) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _complaint(line: str) -> str:
    told = _parsed(line)
    if not told:
        return line
    if told.get("level") not in ("error", "critical"):
        return ""
    exception = str(told.get("exception", "")).strip().rpartition("\n")[2]
    return exception or str(told.get("event", ""))


async def _ended(process: subprocess.Popen[bytes], seconds: float) -> None:
    for _ in range(int(seconds / _LOOK_S)):
        if process.poll() is not None:
            return
        await asyncio.sleep(_LOOK_S)
