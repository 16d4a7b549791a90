"""Fetches one result file whole, or says what was wrong with it."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from uuid_utils.compat import uuid7

from schemas.redaction import Redactor, hidden_link
from schemas.task import Task
from schemas.upstream import RemoteFile
from tasks_service.ledger.history import Call
from tasks_service.outside import NotAllowed, Unfetched
from workers.media import Media, NotMedia, inspect
from workers.upstream import Upstream
from workers.workbench import Workbench

_LARGEST_EXCERPT = 2000


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that came in complete."""

    file: Path
    bytes: int
    sha256: str
    media: Media


class _Wrong(Exception):
    """The answer is not the file; the words become evidence."""


class Fetcher:
    """Streams to disk with a digest; never trusts a length, a type or an encoding."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._redact = Redactor(bench.settings.secrets())

    async def fetch(
        self, task: Task, upstream: Upstream, remote: RemoteFile, file: Path
    ) -> tuple[Call, Whole | None]:
        """The exchange as evidence, and the file where it came whole."""
        sent_at, started = datetime.now(UTC), time.perf_counter()
        status, trouble, body, whole = None, None, None, None
        try:
            async with (
                asyncio.timeout(self._bench.settings.download_timeout_s),
                self._open(upstream, remote) as response,
            ):
                status = response.status_code
                if status != 200:
                    body = await _excerpt(response)
                    raise _Wrong(f"status {status}")
                whole = await self._save(response, file)
        except _Wrong as wrong:
            trouble = str(wrong)
        except NotMedia as error:
            trouble, body = f"NotMedia: {error}", await asyncio.to_thread(_beginning, file)
        except (TimeoutError, NotAllowed, Unfetched, httpx.HTTPError, OSError) as error:
            trouble = f"{type(error).__name__}: {error}"[:500]
        call = Call(
            id=uuid7(),
            purpose="download",
            attempt=task.attempt,
            route=task.route,
            method="GET",
            path=self._clean(remote.url if remote.authenticated else hidden_link(remote.url)),
            sent_at=sent_at,
            latency_ms=round((time.perf_counter() - started) * 1000),
            status=status,
            trouble=trouble and self._clean(trouble),
            upstream_request_id=None,
            answer_sha256=bytes.fromhex(whole.sha256) if whole else None,
            body=body and self._clean(body),
        )
        return call, whole

    @asynccontextmanager
    async def _open(self, upstream: Upstream, remote: RemoteFile) -> AsyncGenerator[httpx.Response]:
        if not remote.authenticated:
            async with self._bench.outside.get(remote.url) as response:
                yield response
            return
        response = await upstream.open(remote.url, {})
        try:
            if not response.is_redirect:
                yield response
                return
        finally:
            await response.aclose()
        # A gateway that points on to a bucket: without our credential, and vetted like any stranger's.
        async with self._bench.outside.get(
            str(response.next_request.url if response.next_request else "")
        ) as onward:
            yield onward

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
        promised = response.headers.get("content-length")
        if promised is not None and promised != str(received):
            raise _Wrong(f"{received} bytes came of {promised} promised")
        media = await asyncio.to_thread(inspect, file)
        return Whole(file, received, digest.hexdigest(), media)

    def _clean(self, text: str) -> str:
        return self._redact(text).replace("\x00", "\ufffd")


async def _excerpt(response: httpx.Response) -> str:
    got = b""
    async for chunk in response.aiter_raw():
        got += chunk
        if len(got) >= _LARGEST_EXCERPT:
            break
    return got[:_LARGEST_EXCERPT].decode("utf-8", "replace")


def _beginning(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(_LARGEST_EXCERPT).decode("utf-8", "replace")
