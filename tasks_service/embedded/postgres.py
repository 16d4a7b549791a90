"""A PostgreSQL server of our own: started, watched, restarted and stopped."""

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from typing import Self

from tasks_service.embedded.account import SYSTEM_USER, Account, server_account
from tasks_service.embedded.cluster import Place, choose_place, ensure_cluster, read_record, stop_leftover
from tasks_service.embedded.errors import EngineError, disk_trouble_in
from tasks_service.embedded.folders import FolderLock, socket_folder
from tasks_service.embedded.processes import last_complaint, run, size_of, spawn, stop_child, written_since
from tasks_service.embedded.programs import PACKAGE, Programs, installed_programs, programs_for

DATABASE = "creative_tasks"
PORT = "5432"  # only part of the socket's name: nothing listens on the network
START_SECONDS = 60.0
# Fast shutdown (a clean one) first, then immediate (repaired at the next start), then by force.
STOPPING = ((SIGINT, 20.0), (SIGQUIT, 5.0), (SIGKILL, 5.0))
DURABLE = {"fsync": "on", "synchronous_commit": "on"}
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Setup:
    """Everything that stays the same over restarts of one server."""

    folder: Path
    programs: Programs
    account: Account
    place: Place
    throwaway: bool

    @property
    def log(self) -> Path:
        """The file the server writes its messages to."""
        return self.folder / "postgres.log"


class Postgres:
    """A running PostgreSQL server, a direct child of this process."""

    def __init__(self, setup: Setup, lock: FolderLock) -> None:
        """For `start_postgres`, which has prepared the data and holds the lock."""
        self._setup = setup
        self._lock: FolderLock | None = lock
        self._sockets, self._server = _launch(setup)

    @property
    def dsn(self) -> str:
        """The address of the database, for asyncpg and every other driver."""
        return _address(self._sockets, DATABASE)

    @property
    def version(self) -> str:
        """The version of the server, such as 18.4."""
        return self._setup.programs.version

    @property
    def detail(self) -> str:
        """One line for people: what runs, from where, as whom, and where its data is."""
        return _detail(self._setup)

    @property
    def pid(self) -> int:
        """The process number of the server; another one after a restart."""
        return self._server.pid

    def is_alive(self) -> bool:
        """Whether the server process still runs."""
        return self._server.poll() is None

    def state(self) -> str:
        """What the data says about itself: `in production`, or `shut down` after a clean stop."""
        asked = run([self._setup.programs.path("pg_controldata"), "-D", str(self._setup.place.data)])
        states = [
            line.split(":", 1)[1].strip() for line in asked.stdout.splitlines() if "cluster state" in line
        ]
        return states[0] if states else "unknown"

    def restart(self) -> None:
        """Starts the server again, alive or not, with the same data and under the same address."""
        with disk_trouble_in(self._setup.folder):
            stop_child(self._server, STOPPING)
            self._lock = self._lock or FolderLock.take(self._setup.folder / "postgres.lock")
            self._sockets, self._server = _launch(self._setup)

    def stop(self) -> None:
        """Stops the server cleanly and lets go of the data folder; harmless when it has ended already."""
        stop_child(self._server, STOPPING)
        if self._sockets != self._setup.place.data:
            shutil.rmtree(self._sockets, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        """The server itself; the with block ends with `stop`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the server, also after an error."""
        self.stop()

    def discard(self) -> None:
        """Stops the server and deletes its data; for throw-away servers of tests."""
        self.stop()
        place = self._setup.place
        shutil.rmtree(place.data.parent if place.elsewhere else place.data, ignore_errors=True)


def start_postgres(folder: Path, *, throwaway: bool = False) -> Postgres:
    """Starts PostgreSQL with its data in `folder` and returns once it accepts connections.

    A server left behind by a killed run is stopped first; one whose run is still alive is an
    `EngineError`. As root the server runs as a system user of its own. `throwaway` trades safety
    against power failures for speed.
    """
    folder = folder.absolute()
    with disk_trouble_in(folder), ExitStack() as undo:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        lock = FolderLock.take(folder / "postgres.lock")
        undo.callback(lock.release)
        account = server_account()
        setup = Setup(folder, programs_for(account), account, choose_place(folder, account), throwaway)
        ensure_cluster(setup.place.data, setup.programs, account, throwaway=throwaway)
        stop_leftover(setup.place.data, STOPPING)
        server = Postgres(setup, lock)
        undo.pop_all()
        return server


def describe_postgres() -> str:
    """What `start_postgres` would use, without starting it; an `EngineError` says what is missing."""
    programs = installed_programs()
    user = f", as the system user {SYSTEM_USER}" if os.geteuid() == 0 else ""
    return f"PostgreSQL {programs.version} from the package {PACKAGE}{user}"


def _launch(setup: Setup) -> tuple[Path, subprocess.Popen[bytes]]:
    """Starts the server, waits until it is ready, and makes sure our database exists."""
    sockets = socket_folder(setup.place.data, f".s.PGSQL.{PORT}", setup.account)
    deadline = time.monotonic() + START_SECONDS
    while True:
        start = size_of(setup.log)
        server = spawn(_command(setup, sockets), setup.log, uid=setup.account.uid, gid=setup.account.gid)
        try:
            if _becomes_ready(server, setup.place.data, deadline):
                _ensure_database(setup, sockets)
                return sockets, server
        except BaseException:
            stop_child(server, STOPPING)
            raise
        complaint = last_complaint(written_since(setup.log, start))
        # Workers of a server that was killed may need a moment to notice; any other complaint is final.
        if "shared memory" not in complaint or time.monotonic() > deadline:
            raise EngineError(f"PostgreSQL did not start: {complaint} (more in {setup.log}).")
        time.sleep(0.1)


def _command(setup: Setup, sockets: Path) -> list[str]:
    settings = (
        SETTINGS | (THROWAWAY if setup.throwaway else DURABLE) | {"unix_socket_directories": str(sockets)}
    )
    chosen = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [setup.programs.path("postgres"), "-D", str(setup.place.data), *chosen]


def _becomes_ready(server: subprocess.Popen[bytes], data: Path, deadline: float) -> bool:
    """True once the server says so in its record; False when it has ended instead."""
    while server.poll() is None:
        record = read_record(data)
        if record[:1] == [str(server.pid)] and record[-1].strip() == "ready":
            return True
        if time.monotonic() > deadline:
            raise EngineError(f"PostgreSQL in {data} was not ready after {START_SECONDS:.0f} seconds.")
        time.sleep(0.01)
    return False


def _ensure_database(setup: Setup, sockets: Path) -> None:
    psql = [setup.programs.path("psql"), "-X", "-d", _address(sockets, "postgres")]
    done = run([*psql, "-tAc", "SELECT datname FROM pg_database"])
    if done.returncode == 0 and DATABASE not in done.stdout.splitlines():
        done = run([*psql, "-c", f"CREATE DATABASE {DATABASE}"])
    if done.returncode != 0:
        raise EngineError(f"The database {DATABASE} could not be opened: {last_complaint(done.stderr)}.")


def _address(sockets: Path, database: str) -> str:
    # With the port, because a client would otherwise take PGPORT from the environment.
    return f"postgresql://postgres@/{database}?host={sockets}&port={PORT}"


def _detail(setup: Setup) -> str:
    programs, place, user = setup.programs, setup.place, setup.account.name
    parts = [f"PostgreSQL {programs.version} from the package {PACKAGE}", f"data in {place.data}"]
    if place.elsewhere:
        parts[-1] += f" (user {user} cannot enter {setup.folder})"
    if setup.account.uid is not None:
        parts.append(f"runs as the system user {user} because PostgreSQL refuses root")
    if programs.copied:
        parts.append(f"programs copied to {programs.folder} (user {user} cannot reach the installed ones)")
    return ", ".join(parts)
