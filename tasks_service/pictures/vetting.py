"""Looks at every image of a request before money is spent, and keeps the very bytes that it saw."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self

from schemas.capabilities import Model, Role
from schemas.pictures import GivenPicture, Picture, file_id_of, sha256_of
from schemas.refusals import Overloaded
from schemas.rules import Violation
from schemas.task import ReferenceImage, Task, TaskRequest
from tasks_service.artifacts import StoreAway
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.reference_images import KeptImage
from tasks_service.outside import Outside
from tasks_service.pictures.fetching import Fetching
from tasks_service.pictures.flaws import Flaw
from tasks_service.pictures.inspector import Inspector
from tasks_service.pictures.memory import Hold, Memory
from tasks_service.pictures.references import References
from tasks_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Found:
    """An image that was looked at; its bytes where they are not on our shelf yet."""

    picture: Picture
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Vetted:
    """What was found for each image of a request, in its order; None where it could not be read."""

    found: tuple[Found | None, ...] = ()
    violations: tuple[Violation, ...] = ()

    @property
    def pictures(self) -> tuple[Picture | None, ...]:
        """As the rules take them."""
        return tuple(found and found.picture for found in self.found)


class Vetting:
    """The images of requests and uploads."""

    def __init__(
        self,
        ledger: Ledger,
        references: References,
        inspector: Inspector,
        fetching: Fetching,
        most: int,
        most_together: int,
    ):
        self._ledger = ledger
        self._references = references
        self._inspector = inspector
        self._fetching = fetching
        self._most = most
        self._memory = Memory(most_together)

    @classmethod
    def open(cls, ledger: Ledger, settings: Settings) -> Self:
        """With a client and decoders of its own; these start when first needed."""
        places = settings.max_image_fetches
        fetching = Fetching(
            Outside(connections=places),
            settings.trusted_image_origins,
            places,
            settings.image_timeout_s,
            settings.public_url,
        )
        inspector, references = Inspector(settings.max_image_pixels), References(settings.store)
        most, together = settings.max_image_bytes, settings.max_images_bytes
        return cls(ledger, references, inspector, fetching, most, together)

    def hold(self, account_id: int) -> AbstractContextManager[Hold]:
        """Room in memory for the images of one request, as long as it is under way."""
        return self._memory.hold(account_id)

    async def vet(self, request: TaskRequest, model: Model, hold: Hold) -> Vetted:
        """Look at all images side by side; nothing is kept. Raises Overloaded."""
        images = request.reference_images
        if not images:
            return Vetted()
        asked = {sha256_of(image.file_id) for image in images if image.file_id}
        known = await self._ledger.reference_images.known(hold.account_id, asked)
        # The same image named twice is looked at once.
        sources = {_source(image): image for image in images}
        most = max(_limit(image.role, model, self._most) for image in images)
        look = _Look(hold, known, most)
        looks = [self._look(image, look) for image in sources.values()]
        seen = dict(zip(sources, await _all(looks), strict=True))
        results = [seen[_source(image)] for image in images]
        return Vetted(
            tuple(result if isinstance(result, Found) else None for result in results),
            tuple(_violations(images, results)),
        )

    async def keep(
        self, request: TaskRequest, vetted: Vetted, account_id: int
    ) -> tuple[TaskRequest, tuple[GivenPicture, ...]]:
        """The request with ids instead of addresses and bytes, once those are ours. Raises Overloaded."""
        found = [one for one in vetted.found if one is not None]
        for one in {one.picture.sha256: one for one in found if one.content is not None}.values():
            await self._keep(one.picture, one.content or b"", account_id)
        return as_seen(request, vetted)

    async def upload(self, content: bytes, account_id: int) -> KeptImage:
        """Look at an image and keep it. Raises Flaw, or Overloaded."""
        picture = await self._inspector.inspect(content, account_id)
        return await self._keep(picture, content, account_id)

    async def find(self, file_id: str, account_id: int) -> KeptImage | None:
        """An image of an account."""
        sha256 = sha256_of(file_id)
        return (await self._ledger.reference_images.known(account_id, [sha256])).get(sha256)

    async def close(self) -> None:
        """Let go of the decoders and the connections."""
        await self._inspector.close()
        await self._fetching.close()

    async def _keep(self, picture: Picture, content: bytes, account_id: int) -> KeptImage:
        try:
            # Bytes first: a row without them would promise what we cannot send.
            await self._references.keep(picture.sha256, content)
        except StoreAway as away:
            detail = "The store for images cannot be reached for the moment. Nothing was accepted; try again."
            raise Overloaded(detail, headers={"Retry-After": "5"}) from away
        return await self._ledger.reference_images.keep(account_id, picture)

    async def _look(self, image: ReferenceImage, look: "_Look") -> "Found | Flaw":
        try:
            if image.file_id is not None:
                return _uploaded(look, image.file_id)
            content = await self._bytes_of(image, look)
            return Found(await self._inspector.inspect(content, look.hold.account_id), content)
        except Flaw as flaw:
            return flaw

    async def _bytes_of(self, image: ReferenceImage, look: "_Look") -> bytes:
        if image.url is not None:
            return await self._fetching.fetch(image.url, look.most, look.hold)
        encoded = (image.data or "").partition(",")[2]
        content = await asyncio.to_thread(base64.b64decode, encoded)
        look.hold.take(len(content))
        return content


@dataclass(frozen=True, slots=True)
class _Look:
    """What holds for all images of a request: the uploaded ones, and how large one may be."""

    hold: Hold
    known: Mapping[str, KeptImage]
    most: int


def as_seen(request: TaskRequest, vetted: Vetted) -> tuple[TaskRequest, tuple[GivenPicture, ...]]:
    """The request with ids instead of addresses and bytes, and what is known of each image."""
    if not request.reference_images:
        return request, ()
    found = [one for one in vetted.found if one is not None]
    given = tuple(_given(image, one) for image, one in zip(request.reference_images, found, strict=True))
    images = tuple(ReferenceImage(role=Role(one.role), file_id=one.file_id) for one in given)
    return request.model_copy(update={"reference_images": images}), given


def restated(request: TaskRequest, task: Task) -> TaskRequest:
    """A request that is sent again, with the addresses that it was accepted with named as they were kept."""
    if len(task.pictures) != len(request.reference_images):
        return request
    images = [
        ReferenceImage(role=image.role, file_id=given.file_id)
        if image.url and _digest(image.url) == given.address_sha256
        else image
        for image, given in zip(request.reference_images, task.pictures, strict=True)
    ]
    return request.model_copy(update={"reference_images": tuple(images)})


async def _all(looks: Sequence[Any]) -> list[Any]:
    """Side by side; where one is refused for want of room, the others are broken off."""
    tasks = [asyncio.create_task(look) for look in looks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _limit(role: Role, model: Model, most: int) -> int:
    limits = model.reference_images
    if limits is None:
        return most
    own = limits.max_mask_bytes if role is Role.MASK and limits.max_mask_bytes else limits.max_bytes
    return most if own is None else min(most, own)


def _violations(images: Sequence[ReferenceImage], results: Sequence[Found | Flaw]) -> Iterator[Violation]:
    for index, (image, result) in enumerate(zip(images, results, strict=True)):
        if isinstance(result, Flaw):
            member = "url" if image.url else "data" if image.data else "file_id"
            got = _without_query(image.url) if image.url else image.file_id
            yield Violation(f"/reference_images/{index}/{member}", result.code, result.words, got=got)


def _given(image: ReferenceImage, found: Found) -> GivenPicture:
    picture = found.picture
    source = _without_query(image.url) if image.url else "inline" if image.data else "upload"
    return GivenPicture(
        role=image.role.value,
        file_id=file_id_of(picture.sha256),
        type=picture.type,
        bytes=picture.bytes,
        width=picture.width,
        height=picture.height,
        source=source,
        address_sha256=_digest(image.url) if image.url else None,
    )


def _source(image: ReferenceImage) -> str:
    return image.url or image.file_id or image.data or ""


def _without_query(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _uploaded(look: _Look, file_id: str) -> Found:
    kept = look.known.get(sha256_of(file_id))
    if kept is None:
        raise Flaw(
            "unknown_file", "There is no file with this id among yours. Upload it with POST /v1/files."
        )
    look.hold.take(kept.picture.bytes)
    return Found(kept.picture)
