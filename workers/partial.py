"""Files on their way in: what a broken download left, kept to go on with, and never mixed up."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from schemas.ids import task_id_text

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Held:
    """What lies here of a file: so many bytes of the version that the validator names."""

    validator: str
    total: int | None
    bytes: int

    @property
    def start(self) -> int:
        """Where to go on; if all is here, at the last byte, to learn whether the file is still that one."""
        return self.bytes if self.total is None else min(self.bytes, self.total - 1)


@dataclass(frozen=True, slots=True)
class _Note:
    validator: str
    total: int | None
    boot: str


class Partial:
    """One file, and beside it a note of the version that its bytes belong to.

    The note of an older version goes before the first byte of a newer one, and the newer note comes before
    its bytes, so that a process which dies anywhere between leaves bytes without a note: those do not count.
    """

    def __init__(self, file: Path):
        self.file = file
        self._note = file.with_name(f"{file.name}.note")

    def held(self) -> Held | None:
        """What can be gone on with, or None where the download must start anew."""
        try:
            note = _Note(**json.loads(self._note.read_bytes()))
            size = self.file.stat().st_size
        except (OSError, ValueError, TypeError):
            return None
        # After a crash of the whole machine nobody knows which bytes had reached the disk.
        if note.boot != _this_boot() or size == 0 or (note.total is not None and size > note.total):
            return None
        return Held(note.validator, note.total, size)

    def begin(self, validator: str | None, total: int | None) -> BinaryIO:
        """The file, empty; what was here is gone. Without a validator it cannot be gone on with later."""
        self._note.unlink(missing_ok=True)
        self.file.write_bytes(b"")
        if validator is not None:
            draft = self._note.with_suffix(".draft")
            draft.write_text(json.dumps(asdict(_Note(validator, total, _this_boot()))), encoding="utf-8")
            draft.replace(self._note)
        return self.file.open("r+b")

    def go_on(self, at: int) -> BinaryIO:
        """The file, open behind its first bytes."""
        out = self.file.open("r+b")
        out.truncate(at)
        out.seek(at)
        return out

    def discard(self) -> None:
        """Start anew next time."""
        self._note.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)


@contextmanager
def place_for(incoming: Path, task_id: UUID) -> Generator[Path]:
    """A folder for a task's files in which nobody else on this host writes meanwhile.

    It stays for whoever goes on later. Where another is at the same task already (it has lost the task and
    does not know it yet), we work in a folder of our own, which goes at the end.
    """
    folder = incoming / task_id_text(task_id)
    incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(folder)
    if lock is None:
        with tempfile.TemporaryDirectory(dir=incoming, prefix=f"{folder.name}.") as own:
            yield Path(own)
        return
    try:
        os.utime(folder)  # the sweep goes by the folder's age
        yield folder
    finally:
        os.close(lock)


def clear_place(incoming: Path, task_id: UUID) -> None:
    """Remove what lies here of a task, unless somebody works on it."""
    remove_unless_held(incoming / task_id_text(task_id))


def remove_unless_held(folder: Path) -> None:
    """Remove a folder of files on their way, unless somebody works in it."""
    if not folder.exists() or (lock := _lock(folder)) is None:
        return
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _lock(folder: Path) -> int | None:
    """The lock of a folder that exists while it is held, or None where somebody else has it."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, folder):
                return descriptor
        except OSError:
            # Held by somebody, or a file system without locks: either way it is not ours.
            os.close(descriptor)
            return None
        # Between opening and locking its holder removed it; by now the name may stand for another folder.
        os.close(descriptor)


def _is_at(descriptor: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


@cache
def _this_boot() -> str:
    """The name of the time since the machine started; where it has none, of the time since we did."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return uuid4().hex
