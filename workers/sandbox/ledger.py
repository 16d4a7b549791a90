"""The studio's own append-only record: what was created, cancelled and deleted, and which calls came in."""

import asyncio
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

import orjson

Dialect = Literal["sandbox", "videos", "kling", "ark"]
Mark = Literal["cancelled", "deleted"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture sent along with a request: kept as a file when inline, as a mere string when a URL."""

    role: str
    url: str | None
    file: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be made; together with an index it decides every byte of a result."""

    kind: Literal["picture", "film"]
    suffix: Literal["png", "webp", "mp4"]
    caption: str
    width: int
    height: int
    seed: int
    count: int = 1
    seconds: int = 0
    fps: int = 0
    audio: bool = False
    watermark: bool = False
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Creation:
    """One job that now exists, and that somebody pays for."""

    id: str
    at: float
    dialect: Dialect
    model: str
    reference: str | None
    prompt: str
    key_tail: str
    behaviour: str
    fingerprint: str
    work: Work
    endpoint: str = ""  # where it was created, in a dialect that asks for it there


class Ledger:
    """Creations on disk, one JSON line each, safe there before anybody is told of them.

    Calls are counted in memory and noted in the file at most once a second and at the end, so
    polling costs no disk writes; a killed studio may forget its last second of counts, never a job.
    """

    def __init__(self, path: Path) -> None:
        self.creations: dict[str, Creation] = {}
        self.marks: dict[str, tuple[Mark, float]] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        self._asked = 0
        self._noted_at = time.monotonic()
        self._syncing = asyncio.Lock()
        self._written = 0
        self._synced = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _drop_torn_line(path)
            self._reload(path)
        self._file = path.open("ab")

    def create(self, creation: Creation) -> None:
        """Write a creation down; `durable` tells when it is safe to speak of it."""
        self.creations[creation.id] = creation
        self._append({"event": "created", **asdict(creation)})

    def asked(self, dialect: Dialect, reference: str | None, prompt: str, at: float) -> int:
        """Note that somebody asked for a job, whatever becomes of it; its number."""
        self._asked += 1
        entry: dict[str, object] = {"dialect": dialect, "reference": reference, "prompt": prompt, "at": at}
        self._append({"event": "asked", "number": self._asked, **entry})
        return self._asked

    def refused(self, number: int) -> None:
        """Note that whoever asked was told clearly that there will be no job."""
        self._append({"event": "refused", "number": number})

    def mark(self, job_id: str, mark: Mark, at: float) -> None:
        """Note that a job was cancelled or deleted."""
        self.marks[job_id] = (mark, at)
        self._append({"event": mark, "id": job_id, "at": at})

    def called(self, dialect: str, operation: str) -> None:
        """Count a call that came in, whatever becomes of it."""
        self.calls[dialect, operation] += 1
        if time.monotonic() - self._noted_at > 1.0:
            self._note_calls()

    async def durable(self) -> None:
        """Wait until everything written so far is on the disk.

        Callers who arrive during one fsync share the next one, so that creating stays fast.
        """
        mine = self._written
        async with self._syncing:
            if self._synced >= mine:
                return
            reached = self._written
            await asyncio.to_thread(os.fsync, self._file.fileno())
            self._synced = reached

    def calls_by_dialect(self) -> dict[str, dict[str, int]]:
        """The counts, nested for people to read: dialect, then operation."""
        nested: dict[str, dict[str, int]] = {}
        for (dialect, operation), count in sorted(self.calls.items()):
            nested.setdefault(dialect, {})[operation] = count
        return nested

    def close(self) -> None:
        """Note the counts and let go of the file."""
        if self._file.closed:
            return
        self._note_calls()
        os.fsync(self._file.fileno())
        self._file.close()

    def _note_calls(self) -> None:
        self._noted_at = time.monotonic()
        self._append({"event": "calls", "calls": self.calls_by_dialect()})

    def _append(self, line: dict[str, object]) -> None:
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()
        self._written += 1

    def _reload(self, path: Path) -> None:
        with path.open("rb") as lines:
            for line in lines:
                self._replay(cast("dict[str, object]", orjson.loads(line)))

    def _replay(self, line: dict[str, object]) -> None:
        event = line.pop("event")
        if event == "created":
            creation = _creation(line)
            self.creations[creation.id] = creation
        if event == "asked":
            self._asked = cast("int", line["number"])
        if event == "cancelled" or event == "deleted":
            self.marks[str(line["id"])] = (cast("Mark", event), cast("float", line["at"]))
        if event == "calls":
            nested = cast("dict[str, dict[str, int]]", line["calls"])
            self.calls = Counter(
                {(d, o): n for d, operations in nested.items() for o, n in operations.items()}
            )


def _creation(line: dict[str, object]) -> Creation:
    work = cast("dict[str, object]", line.pop("work"))
    references = cast("list[dict[str, str | None]]", work.pop("references"))
    kept = tuple(Reference(role=str(r["role"]), url=r["url"], file=r["file"]) for r in references)
    # The file is our own writing, so its keys are exactly the fields.
    return Creation(**line, work=Work(**work, references=kept))  # pyright: ignore[reportArgumentType]


def _drop_torn_line(path: Path) -> None:
    """Cut off a last line that a sudden death left unfinished: nobody was ever told of it."""
    with path.open("rb+") as file:
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)
