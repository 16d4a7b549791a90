"""The studio: jobs whose state follows from their record and the clock, links that die, files on demand."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from workers.sandbox.behaviour import Behaviour, parse_behaviour
from workers.sandbox.callbacks import Callbacks
from workers.sandbox.films import shoot_film
from workers.sandbox.ledger import Creation, Dialect, Ledger, Reference, Work
from workers.sandbox.pictures import draw_picture, is_picture

TYPES: Final = {"png": "image/png", "webp": "image/webp", "mp4": "video/mp4"}
_RENDERERS: Final = 2  # at a time; drawing is what costs here


@dataclass(frozen=True, slots=True)
class Seen:
    """How a job is doing: waiting, rendering, ready or error, with the code of the error."""

    status: str
    progress: int
    position: int | None = None
    ended_at: float | None = None
    error: str | None = None


class NotAPicture(ValueError):
    """An inline image that does not decode."""


class Studio:
    """Makes jobs, says how they are doing, and renders their files."""

    def __init__(self, folder: Path, key: str, clock: Callable[[], float] = time.time):
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.key = key
        self.now = clock
        self._folder = folder
        self._by_reference = {
            (c.dialect, c.reference): c for c in self.ledger.creations.values() if c.reference
        }
        self._behaviours: dict[str, Behaviour] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._rendering: dict[Path, asyncio.Lock] = {}
        self._renderers = asyncio.Semaphore(_RENDERERS)
        self.callbacks = Callbacks(self.look, self.until_change_s, self.behaviour)
        for name in ("files", "references"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def count(self, what: str, which: str) -> int:
        """How often this has happened, this time included."""
        self._counts[what, which] += 1
        return self._counts[what, which]

    def counted(self, what: str, which: str) -> int:
        """How often it has happened so far."""
        return self._counts[what, which]

    def find(self, job_id: str, dialect: Dialect) -> Creation | None:
        """A job of a dialect that has not been deleted."""
        found = self.ledger.creations.get(job_id)
        mark = self.ledger.marks.get(job_id)
        return None if found is None or found.dialect != dialect or (mark and mark[0] == "deleted") else found

    def all_of(self, dialect: Dialect) -> Iterator[Creation]:
        """Every job of a dialect that has not been deleted, newest first."""
        for job_id in reversed(self.ledger.creations):
            job = self.find(job_id, dialect)
            if job:
                yield job

    def by_reference(self, reference: str, dialect: Dialect) -> Creation | None:
        """The job that a client's own reference stands for in a dialect."""
        return self._by_reference.get((dialect, reference))

    def behaviour(self, job: Creation) -> Behaviour:
        """What a job's request asked for."""
        if job.id not in self._behaviours:
            self._behaviours[job.id] = parse_behaviour(job.behaviour)
        return self._behaviours[job.id]

    async def create(
        self,
        dialect: Dialect,
        model: str,
        prompt: str,
        behaviour: Behaviour,
        work: Work,
        *,
        reference: str | None = None,
        fingerprint: str = "",
        endpoint: str = "",
    ) -> Creation:
        """Create a job; it is on the disk when this returns."""
        at = self.now()
        job = Creation(
            id=_new_id(dialect, at),
            at=at,
            dialect=dialect,
            model=model,
            reference=reference,
            prompt=prompt,
            key_tail=self.key[-4:],
            behaviour=behaviour.text,
            fingerprint=fingerprint,
            work=work,
            endpoint=endpoint,
        )
        self.ledger.create(job)
        if reference:
            self._by_reference[dialect, reference] = job
        await self.ledger.durable()
        return job

    def asked(self, dialect: Dialect, reference: str | None, prompt: str) -> int:
        """Note a request for a job when it comes; its number."""
        return self.ledger.asked(dialect, reference, prompt, self.now())

    async def cancel(self, job: Creation) -> bool:
        """End a job that still waits."""
        if self.look(job).status != "waiting":
            return False
        self.ledger.mark(job.id, "cancelled", self.now())
        await self.ledger.durable()
        return True

    def look(self, job: Creation) -> Seen:
        """How a job is doing now."""
        mark = self.ledger.marks.get(job.id)
        if mark:
            return Seen("error", 0, ended_at=mark[1], error="cancelled")
        told, age = self.behaviour(job), self.now() - job.at
        if age < told.queue:
            return Seen("waiting", 0, position=math.ceil(told.queue - age))
        if age < told.queue + told.run or told.end == "never":
            share = min((age - told.queue) / told.run, 0.99) if told.run else 0.99
            return Seen("rendering", int(share * 100))
        ended_at = job.at + told.queue + told.run
        if told.end:
            return Seen("error", 99, ended_at=ended_at, error=told.end)
        return Seen("ready", 100, ended_at=ended_at)

    def until_change_s(self, job: Creation) -> float | None:
        """Seconds until a job that nobody cancels is in another state; None where it stays as it is."""
        told, age = self.behaviour(job), self.now() - job.at
        if age < told.queue:
            return told.queue - age
        return None if told.end == "never" else told.queue + told.run - age

    def keep_reference(self, role: str, url: str | None, data: bytes | None) -> Reference:
        """Keep an inline image for the picture that it goes into. Raises NotAPicture."""
        if data is None:
            return Reference(role, url, None)
        if not is_picture(data):
            raise NotAPicture("the image cannot be decoded")
        name = hashlib.sha256(data).hexdigest()
        (self._folder / "references" / name).write_bytes(data)
        return Reference(role, None, name)

    def link(self, job: Creation, index: int, life_s: float) -> tuple[str, float]:
        """The token of a link to a file, and when it dies."""
        dies_at = self.now() + life_s
        named = f"{job.id}.{index}.{int(dies_at * 1000)}"
        return f"{named}.{self._signature(named)}", dies_at

    def resolve(self, token: str) -> tuple[Creation, int, bool] | None:
        """Which file a token opens, and whether it still does."""
        named, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(named), signature.encode("ascii", "replace").decode()):
            return None
        job_id, index, dies_ms = named.split(".")
        job = self.ledger.creations.get(job_id)
        return (job, int(index), int(dies_ms) / 1000 > self.now()) if job else None

    async def file(self, job: Creation, index: int) -> Path:
        """A result, rendered when it is first wanted."""
        path = self._folder / "files" / f"{job.id}-{index}.{job.work.suffix}"
        async with self._rendering.setdefault(path, asyncio.Lock()):
            if not path.exists():
                async with self._renderers:
                    await asyncio.to_thread(self._render, job.work, index, path)
        return path

    def _render(self, work: Work, index: int, path: Path) -> None:
        unfinished = path.with_suffix(".unfinished")
        if work.kind == "film":
            shoot_film(
                unfinished,
                work,
                self._pictures(work, "first_frame", "reference"),
                self._pictures(work, "last_frame"),
            )
        else:
            unfinished.write_bytes(draw_picture(work, index, self._pictures(work, "reference", "style")))
        unfinished.rename(path)

    def _pictures(self, work: Work, *roles: str) -> Sequence[bytes]:
        files = [kept.file for kept in work.references if kept.file and kept.role in roles]
        return [(self._folder / "references" / name).read_bytes() for name in files]

    def _signature(self, named: str) -> str:
        return hmac.new(self.key.encode(), named.encode(), hashlib.sha256).hexdigest()[:32]


def _new_id(dialect: Dialect, at: float) -> str:
    """An id as the vendor's look: Kling's are numbers, Ark's tell the time."""
    chance = uuid4()
    match dialect:
        case "kling":
            return str(8 * 10**17 + chance.int % 10**17)
        case "ark":
            return f"cgt-{datetime.fromtimestamp(at, UTC):%Y%m%d%H%M%S}-{chance.hex[:10]}"
        case "sandbox":
            return f"sj_{chance.hex}"
        case "videos":
            return f"video_{chance.hex}"


def inline_bytes(data_uri: str) -> bytes:
    """The bytes of a `data:` URI. Raises NotAPicture."""
    head, comma, encoded = data_uri.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise NotAPicture("an inline image is a data: URI in base64")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise NotAPicture("the inline image is not base64") from error
