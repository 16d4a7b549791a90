"""Which system user a server runs as: PostgreSQL refuses to run as root."""

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks_service.embedded.errors import EngineError
from tasks_service.embedded.processes import run

SYSTEM_USER = "creative-tasks"


@dataclass(frozen=True)
class Account:
    """A system user; `uid` and `gid` are None when the server simply runs as ourselves."""

    name: str
    uid: int | None = None
    gid: int | None = None

    @property
    def owner(self) -> int:
        """The user id that owns what this server writes."""
        return os.geteuid() if self.uid is None else self.uid

    def reaches(self, folder: Path) -> bool:
        """Whether this user can enter the folder; asked by trying, so ACLs and mounts count too."""
        if self.uid is None:
            return True
        tried = run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], uid=self.uid, gid=self.gid)
        return tried.returncode == 0

    def give(self, folder: Path) -> None:
        """Makes this user the owner of one folder that we created ourselves, and of nothing above it."""
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)


def ourselves() -> Account:
    """The user this program runs as."""
    return Account(name=user_name(os.geteuid()))


def server_account() -> Account:
    """The user PostgreSQL runs as: ourselves, or as root a system user that is created when missing."""
    if os.geteuid() != 0:
        return ourselves()
    entry = _find(SYSTEM_USER) or _create_once(SYSTEM_USER)
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def user_name(uid: int) -> str:
    """The name of a user, or its number when it has none (usual in containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create_once(name: str) -> pwd.struct_passwd:
    with _one_at_a_time():
        # Whoever waited may find that it has been done.
        return _find(name) or _create(name)


@contextmanager
def _one_at_a_time() -> Generator[None]:
    """Two useradds at once can both succeed, with two numbers of which one is forgotten (shadow 4.13)."""
    users = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(users, fcntl.LOCK_EX)
        yield
    finally:
        os.close(users)


def _create(name: str) -> pwd.struct_passwd:
    useradd = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if useradd is None:
        raise EngineError(
            f"PostgreSQL refuses to run as root and the system user {name} cannot be created because "
            "useradd is missing; run this as an ordinary user, or set DATABASE_URL."
        )
    nologin = shutil.which("nologin", path="/usr/sbin:/sbin:/usr/bin") or "/bin/false"
    asked = [useradd, "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", nologin, name]
    added = subprocess.run(asked, capture_output=True, text=True, check=False)
    entry = _find(name)
    if entry is None:
        said = (added.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EngineError(
            f"PostgreSQL refuses to run as root and creating the system user {name} failed ({said}); "
            "run this as an ordinary user, or set DATABASE_URL."
        )
    return entry
