"""Processes that begin where others have come after a second: forked from one that has loaded everything.

Each is a process of its own, with its own memory, environment, folder and streams, and dies of signals like any
other. What is about the beginning itself (`up`, `demo`, what is loaded, what is missing) is started the long way.
"""

import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

processes = multiprocessing.get_context("forkserver")
# What has been loaded, and where each begins.
_BEGINNINGS = {"tasks_service.cli.main": "app", "workers.main": "run", "workers.sandbox.main": "main"}
processes.set_forkserver_preload(
    [*_BEGINNINGS, "tasks_service.app", "tasks_service.api.openapi", "tests.faults.matrix", "tests.forking"]
)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a process begins: `python -m module words`, here, with this environment and these streams."""

    module: str
    words: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    input: str
    output: str
    errors: str


class Forked:
    """A process as `subprocess.Popen` shows it."""

    def __init__(
        self,
        module: str,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: Path,
        errors: Path,
        folder: Path | None = None,
        given: Path | None = None,
    ):
        begins = Beginning(
            module,
            words,
            environment,
            str(folder or Path.cwd()),
            str(given or os.devnull),
            str(output),
            str(errors),
        )
        output.touch()  # so that it can be read before the process has begun
        self._process = processes.Process(target=_begin, args=(begins,), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or the signal that ended it, below zero; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same, for whoever looks again and again."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, as soon as there is one."""
        wait([self._process.sentinel], timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, which: int) -> None:
        """Does nothing to what has ended."""
        if self.poll() is None:
            os.kill(self.pid, which)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    module: str,
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    given: bytes = b"",
    timeout: float = 90,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run` does."""
    with tempfile.TemporaryDirectory(prefix="creative-tasks-run-") as name:
        source, output, errors = (Path(name) / stream for stream in ("input", "output", "errors"))
        source.write_bytes(given)
        process = Forked(
            module, words, environment=environment, folder=folder, given=source, output=output, errors=errors
        )
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(
            [module, *words], code, output.read_bytes().decode(), errors.read_bytes().decode()
        )


def _begin(begins: Beginning) -> None:
    os.chdir(begins.folder)
    os.environ.clear()
    os.environ.update(begins.environment)
    for number, path in enumerate((begins.input, begins.output, begins.errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    # They are open for as long as the process lives.
    sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    sys.argv = [begins.module, *begins.words]
    if begins.module in _BEGINNINGS:
        getattr(importlib.import_module(begins.module), _BEGINNINGS[begins.module])()
    else:
        runpy.run_module(begins.module, run_name="__main__", alter_sys=True)
