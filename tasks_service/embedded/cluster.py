"""Where PostgreSQL keeps its data: choosing the place, creating it, clearing what a killed run left."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tasks_service.embedded.account import Account, user_name
from tasks_service.embedded.errors import EngineError
from tasks_service.embedded.folders import short_hash, trusted_folder
from tasks_service.embedded.processes import Escalation, command_of, last_complaint, run, stop_stranger
from tasks_service.embedded.programs import MAJOR, Programs

# Where data goes when root's server user cannot reach the folder that was asked for.
# Not a temporary place: systems clear those of files that nobody touched for a month.
OUTSIDE = Path("/var/lib") if Path("/var/lib").is_dir() else Path("/var/tmp")  # noqa: S108 - only what is ours is used
PREFIX = "creative-tasks-data-"
RECORD = "postmaster.pid"
NOTE = "postgres-data-is-elsewhere.txt"


@dataclass(frozen=True)
class Place:
    """The data of one server; `elsewhere` when it could not be kept in the folder that was asked for."""

    data: Path
    elsewhere: bool


def choose_place(folder: Path, account: Account) -> Place:
    """Keeps the data inside the folder when the server's user gets there, else outside, with a note inside.

    Data that exists decides: making the folder reachable later must not start an empty database.
    """
    note = folder / NOTE
    if note.exists():
        return Place(_noted_home(note) / "postgres", elsewhere=True)
    if account.reaches(folder):
        return Place(folder / "postgres", elsewhere=False)
    if (folder / "postgres").exists():
        raise EngineError(
            f"The data in {folder / 'postgres'} is out of reach for the system user {account.name}; "
            "let everyone enter the folders above it, or choose another folder."
        )
    home = trusted_folder(OUTSIDE / f"{PREFIX}{short_hash(str(folder))}")
    note.write_text(
        f"PostgreSQL runs as the system user {account.name}, who cannot enter this folder.\n"
        "Its data is kept in the folder below. To start afresh, delete that folder and this file.\n"
        f"{home}\n"
    )
    return Place(home / "postgres", elsewhere=True)


def home_elsewhere(folder: Path) -> Path | None:
    """The folder outside that holds the data of this one; None where the data lies inside."""
    note = folder / NOTE
    return _noted_home(note) if note.exists() else None


def ensure_cluster(data: Path, programs: Programs, account: Account, *, throwaway: bool) -> None:
    """Creates the data when there is none; refuses data that is not ours to use."""
    if not data.exists() or not any(data.iterdir()):
        _create(data, programs, account, throwaway=throwaway)
        return
    owner = data.stat().st_uid
    if owner != account.owner:
        raise EngineError(
            f"The data in {data} belongs to user {user_name(owner)} but PostgreSQL would run as "
            f"{account.name}; start it as the user who created it, or choose another folder."
        )
    marker = data / "PG_VERSION"
    if not marker.exists():
        raise EngineError(f"{data} holds something that is not PostgreSQL data; choose another folder.")
    if (written := marker.read_text().strip()) != MAJOR:
        raise EngineError(
            f"The data in {data} was written by PostgreSQL {written} and this is {programs.version}; "
            "choose another folder, or set DATABASE_URL."
        )


def stop_leftover(data: Path, escalation: Escalation) -> None:
    """Stops a server that a killed run left behind; the caller holds the lock, so its parent is gone."""
    lines = read_record(data)
    if not lines or not lines[0].isdecimal():
        # An empty record (the disk was full) would make PostgreSQL refuse to start.
        (data / RECORD).unlink(missing_ok=True)
        return
    pid = int(lines[0])
    if not _serves(pid, data):
        _hand_over(data / RECORD, lines)
        return
    if not stop_stranger(pid, escalation, lambda: _serves(pid, data)):
        raise EngineError(
            f"An older PostgreSQL still uses {data} and does not stop; end process {pid} and try again."
        )


def read_record(data: Path) -> list[str]:
    """The lines a server keeps about itself in its data; the first is its process, the last its state."""
    try:
        return (data / RECORD).read_text().splitlines()
    except FileNotFoundError:
        return []


def _noted_home(note: Path) -> Path:
    # The note and not the hash decides, so a folder that was moved keeps its data.
    home = Path(note.read_text().strip().rpartition("\n")[2])
    if home.parent != OUTSIDE or not home.name.startswith(PREFIX):
        raise EngineError(
            f"{note} does not end with the folder of the data any more; correct it or delete it."
        )
    return trusted_folder(home)


def _hand_over(record: Path, lines: list[str]) -> None:
    # The number may belong to some other process by now, which would make PostgreSQL refuse.
    # Ours is the one it never takes for a rival (it skips its parent); the other lines stay, so
    # it still checks the shared memory and waits for workers of the dead server.
    descriptor = os.open(record, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join([str(os.getpid()), *lines[1:]]) + "\n")


def _serves(pid: int, data: Path) -> bool:
    command = command_of(pid)
    return command != [] and Path(command[0]).name == "postgres" and str(data) in command


def _create(data: Path, programs: Programs, account: Account, *, throwaway: bool) -> None:
    # Under another name until it is complete: a start that is killed half-way leaves nothing usable.
    unfinished = data.with_name(f"{data.name}.new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    account.give(unfinished)
    command = [programs.path("initdb"), "-D", str(unfinished), "--username=postgres", "--encoding=UTF8"]
    # Sorted by code point on every machine, yet upper and lower case work beyond ASCII.
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # No passwords: only who gets into the 0700 folder of the socket can connect at all.
    command += ["--auth-local=trust", "--auth-host=reject"]
    done = run([*command, "--no-sync"] if throwaway else command, uid=account.uid, gid=account.gid)
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise EngineError(f"PostgreSQL could not create its data in {data}: {last_complaint(done.stderr)}.")
    unfinished.rename(data)
    if not throwaway:
        _sync(data.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
