"""The results that are ours: put, open and describe them, in a folder or a bucket."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
import obstore.exceptions
from obstore.store import LocalStore, from_url

from schemas.ids import task_id_text

_EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
}

# Of a file on its way so much lies in memory; obstore would hold twelve parts of 5 MiB of each.
_PART, _LEAST_PART, _PARTS_AT_ONCE = 1 << 20, 5 << 20, 2  # bytes; S3 takes no smaller part than the second
_PATIENCE_S = 10.0  # with a few bytes; obstore alone would try for minutes


class StoreAway(Exception):
    """The store cannot take a file, or give it, for the moment."""


class Artifacts:
    """A store of files that are written once and never changed."""

    def __init__(self, url: str):
        """Open a store: file://, s3://, gs:// or az://. Credentials come from the environment."""
        self._folder = Path(url.removeprefix("file://")) if url.startswith("file://") else None
        if self._folder is not None:
            self._store: Any = LocalStore(self._folder, mkdir=True)
        else:
            self._store = from_url(url)
        self._part_bytes = _LEAST_PART if self._folder is None else _PART

    async def put(self, key: str, file: Path) -> None:
        """Store a whole file; it appears under its key only when complete. Raises StoreAway."""
        try:
            await obstore.put_async(
                self._store, key, file, chunk_size=self._part_bytes, max_concurrency=_PARTS_AT_ONCE
            )
            if self._folder is not None:
                await asyncio.to_thread(flush, self._folder / key)
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreAway(f"{type(error).__name__}: {error}"[:300]) from error

    async def open(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from start up to, not including, end. Raises StoreAway where it cannot give them."""
        try:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreAway(type(error).__name__) from error
        return _chunks(found)

    async def delete(self, keys: Iterable[str]) -> None:
        """Let go of files; those that are gone already are no trouble. Raises StoreAway."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except (obstore.exceptions.BaseError, OSError) as error:
                raise StoreAway(f"{type(error).__name__}: {error}"[:300]) from error
            if self._folder is not None:
                # The task's own folder, with its last file; another file in it keeps it.
                with suppress(OSError):
                    (self._folder / key).parent.rmdir()

    async def once(self, key: str, content: bytes) -> bytes:
        """A few bytes that are written once for all: these, or what is there already. Raises StoreAway."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                with suppress(FileNotFoundError):
                    return await self._few_bytes(key)
                with suppress(obstore.exceptions.AlreadyExistsError):
                    await obstore.put_async(self._store, key, content, mode="create")
                    if self._folder is not None:
                        await asyncio.to_thread(flush, self._folder / key)
                return await self._few_bytes(key)
        except (obstore.exceptions.BaseError, OSError, TimeoutError) as error:
            raise StoreAway(type(error).__name__) from error

    async def _few_bytes(self, key: str) -> bytes:
        found = await obstore.get_async(self._store, key)
        return bytes(await found.bytes_async())

    async def ready(self) -> bool:
        """Whether the store answers."""
        async for _ in obstore.list(self._store, prefix="readiness"):
            break
        return True


def flush(file: Path) -> None:
    """Onto the disk, name and all: what is called downloaded must outlive a power cut."""
    for path in (file, file.parent, file.parent.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def _chunks(found: Any) -> AsyncIterator[bytes]:
    async for chunk in found.stream(min_chunk_size=64 << 10):
        yield bytes(chunk)


def key_for(task_id: UUID, n: int, sha256: str, type: str) -> str:  # noqa: A002 - the field's own word
    """Where a file lies. Its digest is in the name, so that other bytes cannot replace it."""
    return f"{task_id_text(task_id)}/{n}-{sha256}.{extension(type)}"


def extension(type: str) -> str:  # noqa: A002 - the field's own word
    """The usual file name extension of a media type."""
    return _EXTENSIONS.get(type, "bin")
