"""The results that are ours: put, open and describe them, in a folder or a bucket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
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


class Artifacts:
    """A store of files that are written once and never changed."""

    def __init__(self, url: str):
        """Open a store: file://, s3://, gs:// or az://. Credentials come from the environment."""
        if url.startswith("file://"):
            self._store: Any = LocalStore(url.removeprefix("file://"), mkdir=True)
        else:
            self._store = from_url(url)

    async def put(self, key: str, file: Path) -> None:
        """Store a whole file; it appears under its key only when complete."""
        await obstore.put_async(self._store, key, file)

    async def open(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from start up to, not including, end. Raises FileNotFoundError for an unknown key."""
        found = await obstore.get_async(self._store, key, options={"range": (start, end)})
        return _chunks(found)

    async def ready(self) -> bool:
        """Whether the store answers."""
        async for _ in obstore.list(self._store, prefix="readiness"):
            break
        return True


async def _chunks(found: Any) -> AsyncIterator[bytes]:
    async for chunk in found.stream(min_chunk_size=64 << 10):
        yield bytes(chunk)


def key_for(task_id: UUID, n: int, sha256: str, type: str) -> str:  # noqa: A002 - the field's own word
    """Where a file lies. Its digest is in the name, so that other bytes cannot replace it."""
    return f"{task_id_text(task_id)}/{n}-{sha256}.{extension(type)}"


def extension(type: str) -> str:  # noqa: A002 - the field's own word
    """The usual file name extension of a media type."""
    return _EXTENSIONS.get(type, "bin")
