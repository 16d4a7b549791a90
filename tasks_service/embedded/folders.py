"""Folders a server needs: the lock of a data folder, private ones, and places for sockets."""

import fcntl
import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tasks_service.embedded.account import Account, user_name
from tasks_service.embedded.errors import EngineError

# The bytes a socket path may have: 107 on Linux, 103 on macOS. The smaller one suits both.
SOCKET_PATH_BYTES = 103


@dataclass(frozen=True)
class FolderLock:
    """Held while a run uses a data folder; however that process ends, the system then lets go of it."""

    descriptor: int

    @classmethod
    def take(cls, path: Path) -> "FolderLock":
        """Takes the lock, or says which process holds it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode().strip() or "unknown"
            os.close(descriptor)
            raise EngineError(
                f"creative-tasks is already running as process {holder} with the data folder {path.parent}; "
                "stop it first, or choose another folder."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Lets the next run in; the file stays, because deleting it would let two runs in at once."""
        os.close(self.descriptor)


def short_hash(*parts: str) -> str:
    """A stable name of 12 characters for a longer thing."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def trusted_folder(path: Path) -> Path:
    """Makes, or reuses, a folder in a place where everybody may write; only we may change its contents.

    Anyone could have put something there under this name before us, so what exists is used only
    when it is a real folder of ours that nobody else can write to.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        check_trusted(path)
    path.chmod(0o711)  # the server's user passes through; not left to the umask
    return path


def check_trusted(path: Path) -> None:
    """Refuses a folder that is not ours or that others may write to."""
    seen = path.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & 0o022:
        raise _not_ours(path, seen.st_uid)


def socket_folder(preferred: Path, socket_name: str, account: Account) -> Path:
    """The preferred folder when a socket in it can be named everywhere, else a short private one."""
    if _can_be_named(preferred / socket_name):
        return preferred
    name = f"creative-tasks-{short_hash(str(preferred), str(account.owner))}"
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  # checked to be ours
        if _can_be_named(parent / name / socket_name) and account.reaches(parent):
            return _private_folder(parent / name, account)
    raise EngineError(
        f"No folder for temporary files has a path short enough for a socket ({preferred} is too long)."
    )


def _can_be_named(socket: Path) -> bool:
    # The path becomes part of a URL, and not every client undoes escapes in it: plain letters only.
    text = str(socket)
    return len(os.fsencode(text)) <= SOCKET_PATH_BYTES and re.fullmatch(r"[A-Za-z0-9/._-]+", text) is not None


def _private_folder(path: Path, account: Account) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    seen = path.lstat()
    if (
        not stat.S_ISDIR(seen.st_mode)
        or seen.st_uid not in (account.owner, os.geteuid())
        or seen.st_mode & 0o077
    ):
        raise _not_ours(path, seen.st_uid)
    account.give(path)
    return path


def _not_ours(path: Path, owner: int) -> EngineError:
    return EngineError(
        f"{path} (of user {user_name(owner)}) was prepared by somebody else or is open to others, "
        "so it is not used; remove it and start again."
    )
