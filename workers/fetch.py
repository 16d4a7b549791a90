"""Fetches one result file whole, or says what was wrong with it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
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
from workers.upstream import Upstream
from workers.workbench import Workbench

_LONGEST_EXCERPT = 2000
_LONGEST_TROUBLE = 500


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that came in complete."""

    file: Path
    bytes: int
    sha256: str
    media: Media


@dataclass(slots=True)
class _Try:
    """What is known of a download so far."""

    status: int | None = None
    trouble: str | None = None
    excerpt: bytes | None = None
    whole: Whole | None = None


class _Wrong(Exception):
    """The answer is not the file; the words become evidence."""


class Fetcher:
    """Streams to disk with a digest; never trusts a length, a type or an encoding."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._scribe = Scribe(Redactor(bench.settings.secrets()))

    async def fetch(
        self, task: Task, upstream: Upstream, remote: RemoteFile, file: Path
    ) -> tuple[Call, Whole | None]:
        """The exchange as evidence, and the file where it came whole."""
        sent_at, started = datetime.now(UTC), time.perf_counter()
        told = _Try()
        try:
            async with asyncio.timeout(self._bench.settings.download_timeout_s):
                await self._receive(upstream, remote, file, told)
        except _Wrong as wrong:
            told.trouble = str(wrong)
        except NotMedia as error:
            told.trouble, told.excerpt = f"NotMedia: {error}", await asyncio.to_thread(_beginning, file)
        except (TimeoutError, NotAllowed, Unfetched, httpx.HTTPError, OSError) as error:
            told.trouble = f"{type(error).__name__}: {error}"
        seconds = time.perf_counter() - started
        return self._call(task, remote, sent_at, seconds, told), told.whole

    async def _receive(self, upstream: Upstream, remote: RemoteFile, file: Path, told: _Try) -> None:
        async with self._open(upstream, remote) as response:
            told.status = response.status_code
            if response.status_code != 200:
                told.excerpt = await _excerpt(response)
                raise _Wrong(f"status {response.status_code}")
            told.whole = await self._save(response, file)

    @asynccontextmanager
    async def _open(self, upstream: Upstream, remote: RemoteFile) -> AsyncGenerator[httpx.Response]:
        """The file's own answer; a redirect of the route goes on without its credential, vetted like any."""
        url = remote.url
        if remote.authenticated:
            response = await upstream.open(remote.url)
            try:
                if not response.is_redirect:
                    yield response
                    return
                url = urljoin(str(response.url), response.headers.get("location", ""))
            finally:
                await response.aclose()
        async with self._bench.outside.get(url, trusted=upstream.route.base_url) as response:
            yield response

    async def _save(self, response: httpx.Response, file: Path) -> Whole:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _Wrong("the file came encoded, although we asked for it as it is")
        digest, received = hashlib.sha256(), 0
        with file.open("wb") as out:
            async for chunk in response.aiter_raw():
                received += len(chunk)
                if received > self._bench.settings.max_result_bytes:
                    raise _Wrong(f"the file is larger than {self._bench.settings.max_result_bytes} bytes")
                digest.update(chunk)
                # A short write to the page cache; handing each chunk to a thread would cost more.
                out.write(chunk)
        media = await asyncio.to_thread(inspect, file)
        return Whole(file, received, digest.hexdigest(), media)

    def _call(self, task: Task, remote: RemoteFile, sent_at: datetime, seconds: float, told: _Try) -> Call:
        path = remote.url if remote.authenticated else hidden_link(remote.url)
        excerpt = told.excerpt.decode("utf-8", "replace") if told.excerpt is not None else None
        return Call(
            id=uuid7(),
            purpose="download",
            attempt=task.attempt,
            route=task.route,
            method="GET",
            path=self._scribe.words(path, 200),
            sent_at=sent_at,
            latency_ms=round(seconds * 1000),
            status=told.status,
            trouble=told.trouble and self._scribe.words(told.trouble, _LONGEST_TROUBLE),
            upstream_request_id=None,
            answer_sha256=bytes.fromhex(told.whole.sha256) if told.whole else None,
            body=excerpt and self._scribe.words(excerpt, _LONGEST_EXCERPT),
        )


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
