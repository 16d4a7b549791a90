"""The command as people run it: a process of its own, with a clean environment and folder."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import forking

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "tasks_service.cli.main")
# What a developer may have set for other purposes must not reach the tests.
_OURS = ("CREATIVE_TASKS_", "DATABASE_URL", "REDIS_URL", "STORE_URL")

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(**more: str) -> dict[str, str]:
    """Ours, without settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    path = os.pathsep.join(filter(None, [more.pop("PYTHONPATH", ""), str(ROOT)]))
    return kept | {"PYTHONPATH": path, "COLUMNS": "200"} | more


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place of its own. Not pytest's: the database's system user could not pass through that, as root."""
    with tempfile.TemporaryDirectory(prefix="creative-tasks-cli-") as place:
        Path(place).chmod(0o711)
        yield Path(place)


@pytest.fixture
def run(folder: Path) -> Run:
    """Run the command to its end."""

    def run_command(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        if "PYTHONPATH" not in more:
            return forking.run(COMMAND[-1], words, environment=environment(**more), folder=folder)
        # What can be found there is looked for as a process begins.
        return subprocess.run(
            [*COMMAND, *words],
            cwd=folder,
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=90,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run_command


@contextmanager
def started(cwd: Path, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command; whatever happens, it has ended afterwards."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=40)
        except (subprocess.TimeoutExpired, ValueError):
            process.kill()
            process.wait()


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed command said: exactly one line, and no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("creative-tasks: ")
    assert "Traceback" not in done.stderr
    return lines[0]
