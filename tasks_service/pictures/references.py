"""The bytes of reference images, each once, under the name of their digest."""

import asyncio
import base64
import hashlib

import obstore
import obstore.exceptions

from schemas.pictures import sha256_of
from schemas.task import ReferenceImage, TaskRequest
from tasks_service.artifacts import Artifacts, StoreAway, flush
from tasks_service.pictures.structure import type_of

# No task's id is named so, and no artifact lies outside of a task's folder.
_PREFIX = "references"
_PATIENCE_S = 30.0


class References(Artifacts):
    """A shelf of images whose names are what they hold, so that none can become another."""

    async def keep(self, sha256: str, content: bytes) -> None:
        """Put bytes on the shelf, unless they are there; they are there for good then. Raises StoreAway."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if not await self._has(sha256, len(content)):
                    # Whole or not at all, and over what somebody may have damaged.
                    await obstore.put_async(self._store, _key(sha256), content)
                    if self._folder is not None:
                        await asyncio.to_thread(flush, self._folder / _key(sha256))
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreAway(f"{type(error).__name__}: {error}"[:300]) from error

    async def read(self, sha256: str) -> bytes:
        """The bytes of a digest. Raises StoreAway where they are not there, or not these any more."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                found = await obstore.get_async(self._store, _key(sha256))
                content = bytes(await found.bytes_async())
        except (obstore.exceptions.BaseError, OSError) as error:
            raise StoreAway(f"{type(error).__name__}: {error}"[:300]) from error
        if await asyncio.to_thread(_digest, content) != sha256:
            raise StoreAway(f"{_key(sha256)} does not hold what its name says")
        return content

    async def inline(self, request: TaskRequest) -> TaskRequest:
        """The request with its kept images in it, byte for byte as they were vetted. Raises StoreAway."""
        if not any(image.file_id for image in request.reference_images):
            return request
        images = [await self._inline(image) for image in request.reference_images]
        return request.model_copy(update={"reference_images": tuple(images)})

    async def _inline(self, image: ReferenceImage) -> ReferenceImage:
        if image.file_id is None:
            return image
        content = await self.read(sha256_of(image.file_id))
        # Copied rather than made anew: reading megabytes again would find nothing that vetting did not.
        return image.model_copy(update={"file_id": None, "data": await asyncio.to_thread(_data_uri, content)})

    async def _has(self, sha256: str, size: int) -> bool:
        try:
            return (await obstore.head_async(self._store, _key(sha256)))["size"] == size
        except FileNotFoundError:
            return False


def _key(sha256: str) -> str:
    return f"{_PREFIX}/{sha256}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _data_uri(content: bytes) -> str:
    return f"data:{type_of(content)};base64,{base64.b64encode(content).decode()}"
