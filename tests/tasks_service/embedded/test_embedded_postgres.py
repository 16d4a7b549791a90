"""PostgreSQL as a child process: what it is like, and that stopping, killing and restarting lose nothing."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tasks_service import embedded
from tasks_service.embedded import EngineError, Postgres, describe_postgres, start_postgres, start_valkey
from tasks_service.embedded.account import SYSTEM_USER
from tasks_service.embedded.processes import command_of, wait_until

Ask = Callable[[Postgres, str], Any]
ROOT = os.geteuid() == 0
START_AND_SLEEP = """
import sys, time
from pathlib import Path
from tasks_service.embedded import start_postgres, start_valkey
servers = start_postgres(Path(sys.argv[1]), throwaway=True), start_valkey(Path(sys.argv[1]))
print(*(server.pid for server in servers if server), flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def postgres() -> Generator[Postgres]:
    """One durable server for the tests that only look at it."""
    top = Path(tempfile.mkdtemp(prefix="ct-"))
    top.chmod(0o755)
    server = start_postgres(top / "data")
    yield server
    server.discard()
    shutil.rmtree(top)


def test_a_fresh_folder_gets_a_durable_server_with_our_database(postgres: Postgres, ask: Ask) -> None:
    assert ask(postgres, "SELECT current_database()") == "creative_tasks"
    assert ask(postgres, "SHOW fsync") == "on"
    assert ask(postgres, "SHOW synchronous_commit") == "on"
    assert ask(postgres, "SHOW server_encoding") == "UTF8"
    assert ask(postgres, "SHOW timezone") == "UTC"
    assert ask(postgres, "SHOW server_version") == postgres.version
    assert postgres.version.startswith("18.")


def test_letters_beyond_ascii_have_upper_case(postgres: Postgres, ask: Ask) -> None:
    assert ask(postgres, "SELECT upper('žluťoučký')") == "ŽLUŤOUČKÝ"


def test_postgres_listens_only_in_a_folder_nobody_else_may_enter(postgres: Postgres, ask: Ask) -> None:
    sockets = Path(ask(postgres, "SHOW unix_socket_directories"))
    assert ask(postgres, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_settings_meant_for_other_servers_do_not_matter(
    postgres: Postgres, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    assert ask(postgres, "SELECT 1") == 1


def test_postgres_is_our_direct_child_in_a_session_of_its_own(postgres: Postgres) -> None:
    assert os.getsid(postgres.pid) == postgres.pid != os.getsid(0)
    assert os.waitpid(postgres.pid, os.WNOHANG) == (0, 0)


def test_the_detail_is_one_line_that_says_what_where_and_as_whom(postgres: Postgres) -> None:
    assert "\n" not in postgres.detail
    assert f"PostgreSQL {postgres.version}" in postgres.detail
    assert "/data/postgres" in postgres.detail
    assert (f"as the system user {SYSTEM_USER}" in postgres.detail) == ROOT


def test_the_doctor_can_ask_what_would_be_used() -> None:
    assert describe_postgres().startswith("PostgreSQL 18.")


def test_a_stopped_server_shut_down_cleanly_and_keeps_its_data(folder: Path, ask: Ask) -> None:
    server = start_postgres(folder)
    ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert server.state() == "in production"
    server.stop()
    assert server.state() == "shut down"
    assert not server.is_alive()
    with start_postgres(folder) as again:
        assert ask(again, "SELECT answer FROM kept") == 42


def test_a_busy_connection_does_not_hold_up_a_clean_stop(folder: Path, ask: Ask) -> None:
    server = start_postgres(folder, throwaway=True)
    psql = Path(command_of(server.pid)[0]).with_name("psql")
    busy = subprocess.Popen([psql, server.dsn, "-c", "SELECT pg_sleep(60)"], stderr=subprocess.DEVNULL)
    seen = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
    assert wait_until(lambda: ask(server, seen) == 1, 10)
    server.stop()
    assert server.state() == "shut down"
    assert busy.wait() != 0


def test_a_killed_server_can_be_restarted_with_its_data(folder: Path, ask: Ask) -> None:
    with start_postgres(folder) as server:
        dsn = server.dsn
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server.pid, signal.SIGKILL)
        server.restart()
        assert server.is_alive()
        assert server.dsn == dsn
        assert ask(server, "SELECT answer FROM kept") == 42


def test_a_stopped_server_can_be_restarted_and_holds_its_folder_again(folder: Path, ask: Ask) -> None:
    with start_postgres(folder, throwaway=True) as server:
        server.stop()
        server.restart()
        assert ask(server, "SELECT 1") == 1
        with pytest.raises(EngineError, match="already running"):
            start_postgres(folder)


def test_a_server_left_by_a_killed_run_is_replaced(folder: Path, ask: Ask) -> None:
    project = str(Path(embedded.__file__).parents[2])
    command = [sys.executable, "-c", START_AND_SLEEP, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": project}) as run:
        assert run.stdout is not None
        left = [int(pid) for pid in run.stdout.readline().split()]
        run.kill()
    assert left
    assert all(command_of(pid) for pid in left)
    bell = start_valkey(folder)
    with start_postgres(folder) as server:
        assert not any(command_of(pid) for pid in left)
        assert ask(server, "SELECT 1") == 1
    if bell is not None:
        bell.stop()


def test_a_second_run_on_the_same_folder_is_refused_and_told_who_has_it(folder: Path) -> None:
    with start_postgres(folder, throwaway=True) as server:
        with pytest.raises(EngineError, match=f"already running as process {os.getpid()} "):
            start_postgres(folder)
        assert server.is_alive()


def test_a_record_of_a_dead_process_does_not_hinder_a_start(folder: Path) -> None:
    server = start_postgres(folder, throwaway=True)
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    assert (folder / "postgres" / "postmaster.pid").exists()
    with start_postgres(folder, throwaway=True) as again:
        assert again.is_alive()


def test_a_record_whose_number_another_process_has_now_does_not_hinder_a_start(folder: Path) -> None:
    server = start_postgres(folder, throwaway=True)
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    record = folder / "postgres" / "postmaster.pid"
    # As the server's own user: processes of others PostgreSQL never takes for a rival.
    with subprocess.Popen(["sleep", "60"], user=SYSTEM_USER if ROOT else None, cwd="/") as stranger:
        record.write_text("\n".join([str(stranger.pid), *record.read_text().splitlines()[1:]]))
        with start_postgres(folder, throwaway=True) as again:
            assert again.is_alive()
            assert stranger.poll() is None
        stranger.kill()


def test_a_damaged_record_does_not_hinder_a_start(folder: Path) -> None:
    start_postgres(folder, throwaway=True).stop()
    for left in ("", "\n", "not a number\n"):
        (folder / "postgres" / "postmaster.pid").write_text(left)
        with start_postgres(folder, throwaway=True) as again:
            assert again.is_alive()


def test_data_that_was_never_completed_is_made_anew(folder: Path) -> None:
    (folder / "postgres.new" / "base").mkdir(parents=True)
    (folder / "postgres").mkdir()
    with start_postgres(folder, throwaway=True) as server:
        assert server.is_alive()
    assert not (folder / "postgres.new").exists()


@pytest.mark.parametrize("name", ["deep" * 30, "space, comma", "percent%20"])
def test_any_folder_name_works_although_sockets_need_short_plain_ones(
    folder: Path, ask: Ask, name: str
) -> None:
    with start_postgres(folder / name, throwaway=True) as server:
        sockets = Path(ask(server, "SHOW unix_socket_directories"))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert not sockets.is_relative_to(folder)
    assert not sockets.exists()


def test_a_throwaway_server_skips_the_disk_and_can_be_discarded(folder: Path, ask: Ask) -> None:
    server = start_postgres(folder, throwaway=True)
    assert ask(server, "SHOW fsync") == "off"
    server.discard()
    assert not (folder / "postgres").exists()
