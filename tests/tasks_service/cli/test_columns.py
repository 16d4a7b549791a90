"""Tables are whole in a pipe, and on a terminal only their last column gives way."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tasks_service.cli.columns import columns
from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.cli.conftest import COMMAND, Run, environment

HEADINGS = ("task", "account", "state", "prompt")
ROW = ("tsk_" + "0" * 26, "acme-co", "downloaded", "word " * 60)


def on_a_terminal(cwd: Path, *words: str, **more: str) -> str:
    """What a command prints where somebody sits before it."""
    reader, terminal = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *words], cwd=cwd, env=environment(**more), stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        told = b""
        while chunk := _read(reader):
            told += chunk
        assert process.wait(30) == 0, told
    os.close(reader)
    return told.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""


def test_without_a_terminal_nothing_is_left_out():
    heading, row = columns(HEADINGS, [ROW], None)

    assert heading.split() == list(HEADINGS)
    assert row == "  ".join([*ROW[:3], ROW[3].strip()])


@pytest.mark.parametrize("width", [10, 60, 80])
def test_on_a_terminal_only_the_last_column_is_cut(width: int):
    short = ("tsk_1", "b", "failed", "画" * 60)

    heading, first, second = columns(HEADINGS, [ROW, short], width)

    assert first.startswith("  ".join(ROW[:3]))
    assert heading.index("prompt") == first.index("word") == second.index("画")
    assert first.endswith("…")
    assert max(len(heading), len(first)) <= max(width, first.index("word") + len("prompt"))


async def test_long_labels_leave_the_other_columns_alone(run: Run, dsn: str, ledger: Ledger, folder: Path):
    key = await ledger.keys.new("acme", "support", "l" * 5000)

    for told in (
        run("keys", "list", DATABASE_URL=dsn, COLUMNS="60").stdout,
        on_a_terminal(folder, "keys", "list", DATABASE_URL=dsn, COLUMNS="60"),
    ):
        row = next(line for line in told.splitlines() if key[8:16] in line)
        assert row.split()[:3] == [key[8:16], "acme", "support"]
    assert "l" * 5000 in run("keys", "list", DATABASE_URL=dsn, COLUMNS="60").stdout
