"""Fetches one result file whole, going on where a line broke, or says what was wrong with it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import httpx
from uuid_utils.compat import uuid7

from schemas.redaction import Redactor, hidden_link
from schemas.task import Task
from schemas.upstream import RemoteFile
from tasks_service.ledger.history import Call
from tasks_service.outside import NotAllowed, Unfetched
from workers.evidence import Scribe
from workers.media import Media, NotMedia, inspect
from workers.partial import Held, Partial
from workers.resume import asking, goes_on, length_of, validator_of
from workers.upstream import Upstream
from workers.workbench import Workbench

_LONGEST_EXCERPT = 2000
_LONGEST_TROUBLE = 500
_PAUSES_S = (0.2, 1.0, 3.0)  # between the tries of one fetch
# A line that brings less than this in such a time would hold its place for hours.
_LEAST_BYTES, _LEAST_WITHIN_S = 32 << 10, 60.0
# Answers of a link that leads nowhere; behind our own credential the first two speak of the credential.
_DEAD = frozenset({401, 403, 404, 410})
_DEAD_AT_HOME = frozenset({404, 410})
_BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that came in complete."""

    file: Path
    bytes: int
    sha256: str
    media: Media


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one link: the exchanges, the file where it came whole, and whether the link is dead."""

    calls: tuple[Call, ...]
    whole: Whole | None
    dead: bool


@dataclass(slots=True)
class _Try:
    """What is known of one exchange so far; `held` is what it was to go on with."""

    held: Held | None
    sent_at: datetime
    seconds: float = 0
    status: int | None = None
    trouble: str | None = None
    excerpt: bytes | None = None
    received: int = 0
    broke: bool = False  # it was the file, and ended before its end
    not_so: bool = False  # the server would not go on, and may still give the whole
    whole: Whole | None = None


class _Wrong(Exception):
    """The answer is not the file; the words become evidence."""


class _Short(Exception):
    """The answer was the file, and ended before its end."""


class Fetcher:
    """Streams to disk; never trusts a length, a type, an encoding, or that a range is of the same file."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._scribe = Scribe(Redactor(bench.settings.secrets()))

    async def fetch(self, task: Task, upstream: Upstream, remote: RemoteFile, file: Path) -> Fetched:
        """Bring a file in: a few tries, as long as each leaves something that the next can go on with."""
        partial, calls = Partial(file), list[Call]()
        deadline = asyncio.get_running_loop().time() + self._bench.settings.download_timeout_s
        told = await self._try(upstream, remote, partial, partial.held(), deadline)
        for pause in _PAUSES_S:
            calls.append(self._call(task, remote, told))
            # Asked for the whole, the server takes nothing from what is held unless it gives the whole.
            held = None if told.not_so else partial.held()
            if not (told.not_so or (told.broke and held)):
                break
            await asyncio.sleep(0 if told.not_so else pause)
            told = await self._try(upstream, remote, partial, held, deadline)
        else:
            calls.append(self._call(task, remote, told))
        dead = told.status in (_DEAD_AT_HOME if remote.authenticated else _DEAD)
        return Fetched(tuple(calls), told.whole, dead)

    async def _try(
        self, upstream: Upstream, remote: RemoteFile, partial: Partial, held: Held | None, deadline: float
    ) -> _Try:
        told, started = _Try(held, datetime.now(UTC)), time.perf_counter()
        try:
            async with asyncio.timeout_at(deadline):
                await self._receive(upstream, remote, partial, told)
                told.whole = await asyncio.to_thread(_read_back, partial.file)
        except _Wrong as wrong:
            told.trouble = str(wrong)
            if told.received:
                partial.discard()
            told.not_so = held is not None and told.status not in (200, *_BUSY) and not told.received
        except NotMedia as error:
            told.trouble, told.excerpt = (
                f"NotMedia: {error}",
                await asyncio.to_thread(_beginning, partial.file),
            )
            partial.discard()
        except (_Short, httpx.HTTPError, OSError) as error:
            told.trouble = f"{type(error).__name__.lstrip('_')}: {error}"
            # A line that creeps is left alone for a while: it holds a place that others need.
            told.broke = told.received > 0 and not isinstance(error, TimeoutError)
        # An upstream can send an address that no parser takes.
        except (NotAllowed, Unfetched, httpx.InvalidURL, ValueError) as error:
            told.trouble = f"{type(error).__name__}: {error}"
        told.seconds = time.perf_counter() - started
        return told

    async def _receive(self, upstream: Upstream, remote: RemoteFile, partial: Partial, told: _Try) -> None:
        patience = asyncio.timeout(_LEAST_WITHIN_S)
        try:
            async with patience, self._open(upstream, remote, asking(told.held)) as response:
                told.status = response.status_code
                if told.status not in (200, 206):
                    told.excerpt = await _excerpt(response)
                    raise _Wrong(f"status {told.status}")
                out, total = self._accept(response, partial, told)
                with out:
                    await self._save(response, out, told, patience)
        except TimeoutError as error:
            if patience.expired():
                words = f"fewer than {_LEAST_BYTES} bytes in {_LEAST_WITHIN_S:g} s"
                raise TimeoutError(words) from error
            raise
        size = partial.file.stat().st_size
        if total is not None and size != total:
            raise _Short(f"{size} of {total} bytes are here")

    @asynccontextmanager
    async def _open(
        self, upstream: Upstream, remote: RemoteFile, headers: dict[str, str]
    ) -> AsyncGenerator[httpx.Response]:
        """The file's own answer; a redirect of the route goes on without its credential, vetted like any."""
        url = remote.url
        if remote.authenticated:
            response = await upstream.open(remote.url, headers)
            try:
                if not response.is_redirect:
                    yield response
                    return
                url = urljoin(str(response.url), response.headers.get("location", ""))
            finally:
                await response.aclose()
        async with self._bench.outside.get(url, headers, trusted=upstream.route.base_url) as response:
            yield response

    def _accept(self, response: httpx.Response, partial: Partial, told: _Try) -> tuple[BinaryIO, int | None]:
        """Where the answer's bytes belong, and how long the whole will be, if anybody knows."""
        headers = response.headers
        if headers.get("content-encoding", "identity") != "identity":
            raise _Wrong("the file came encoded, although we asked for it as it is")
        if told.status == 200:
            total = length_of(headers)
            self._check_size(total or 0)
            return partial.begin(validator_of(headers), total), total
        total = goes_on(headers, told.held) if told.held else None
        if told.held is None or total is None:
            raise _Wrong("status 206, and not with what was asked for")
        self._check_size(total)
        return partial.go_on(told.held.start), total

    async def _save(
        self, response: httpx.Response, out: BinaryIO, told: _Try, patience: asyncio.Timeout
    ) -> None:
        loop, counted = asyncio.get_running_loop(), 0
        async for chunk in response.aiter_raw():
            self._check_size(out.tell() + len(chunk))
            # A short write to the page cache; handing each chunk to a thread would cost more.
            out.write(chunk)
            told.received += len(chunk)
            if told.received - counted >= _LEAST_BYTES:
                counted = told.received
                patience.reschedule(loop.time() + _LEAST_WITHIN_S)

    def _check_size(self, size: int) -> None:
        if size > self._bench.settings.max_result_bytes:
            raise _Wrong(f"the file is larger than {self._bench.settings.max_result_bytes} bytes")

    def _call(self, task: Task, remote: RemoteFile, told: _Try) -> Call:
        path = remote.url if remote.authenticated else hidden_link(remote.url)
        excerpt = told.excerpt.decode("utf-8", "replace") if told.excerpt is not None else None
        return Call(
            id=uuid7(),
            purpose="download",
            attempt=task.attempt,
            route=task.route,
            method="GET",
            path=self._scribe.words(path, 200),
            sent_at=told.sent_at,
            latency_ms=round(told.seconds * 1000),
            status=told.status,
            trouble=told.trouble and self._scribe.words(told.trouble, _LONGEST_TROUBLE),
            upstream_request_id=None,
            answer_sha256=bytes.fromhex(told.whole.sha256) if told.whole else None,
            body=excerpt and self._scribe.words(excerpt, _LONGEST_EXCERPT),
        )


def _read_back(file: Path) -> Whole:
    """A file as it lies here, and not as it came: it may have come in several parts."""
    media = inspect(file)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Whole(file, stream.tell(), digest, media)


async def _excerpt(response: httpx.Response) -> bytes:
    # Twice of what is kept: secrets are taken out before the cut.
    got = b""
    async for chunk in response.aiter_raw():
        got += chunk
        if len(got) >= 2 * _LONGEST_EXCERPT:
            break
    return got


def _beginning(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(2 * _LONGEST_EXCERPT)
