"""What goes wrong on other people's machines becomes one sentence."""

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tasks_service.embedded import EngineError, start_postgres, start_valkey
from tasks_service.embedded.account import server_account

Start = Callable[..., CompletedProcess[str]]
NO_BIG_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"


@pytest.mark.parametrize("start", [start_postgres, start_valkey])
@pytest.mark.parametrize("impossible", [Path(__file__) / "data", Path("/proc/creative-tasks")])
def test_a_folder_that_cannot_be_written_is_named(start: Callable[[Path], Any], impossible: Path) -> None:
    if not impossible.parent.exists():
        pytest.skip("this system has no /proc")
    with pytest.raises(EngineError) as caught:
        start(impossible)
    assert str(caught.value).startswith(f"The data folder {impossible} cannot be used: ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_named(folder: Path) -> None:
    folder.mkdir(mode=0o555)
    with pytest.raises(EngineError, match=rf"{folder} cannot be used: permission denied"):
        start_postgres(folder)


def test_a_failed_start_lets_go_of_the_folder(folder: Path) -> None:
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "holiday.jpg").touch()
    server_account().give(folder / "postgres")
    for _ in range(2):
        with pytest.raises(EngineError, match="not PostgreSQL data; choose another folder"):
            start_postgres(folder)


def test_data_of_another_postgresql_version_is_refused(folder: Path) -> None:
    start_postgres(folder, throwaway=True).stop()
    (folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EngineError, match="was written by PostgreSQL 16 and this is 18"):
        start_postgres(folder)


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    start_postgres(folder, throwaway=True).stop()
    (folder / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EngineError, match=r"did not start: .*configuration file .* contains errors"):
        start_postgres(folder)


def test_a_disk_that_takes_no_more_says_so(folder: Path, start_or_explain: Start) -> None:
    done = start_or_explain(folder, before=NO_BIG_FILES)
    assert done.returncode == 1
    assert done.stderr.startswith(f"PostgreSQL could not create its data in {folder / 'postgres'}: ")
    assert done.stderr.count("\n") == 1
    assert not (folder / "postgres.new").exists()


# Python's -S leaves out installed packages: the bare machine of somebody who has not read the manual.
def test_without_the_packages_the_sentence_says_what_to_install(
    folder: Path, start_or_explain: Start
) -> None:
    done = start_or_explain(folder, "-S", PATH="/nowhere")
    assert done.returncode == 1
    assert done.stdout.strip() == "none; work continues at most a second slower"
    assert 'pip install "creative-task-tracker[local]"' in done.stderr
    assert "DATABASE_URL" in done.stderr
