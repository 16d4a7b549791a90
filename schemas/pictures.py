"""What is known of a reference image once its bytes were looked at, and how a request uses images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.capabilities import Mode, Role


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of one reference image. Sides in pixels, as seen: EXIF orientation is counted in."""

    sha256: str
    type: str  # by its first bytes, such as image/png; what the sender called it does not matter
    bytes: int
    width: int
    height: int

    @property
    def ratio(self) -> float:
        """Width by height."""
        return self.width / self.height


@dataclass(frozen=True, slots=True)
class GivenPicture:
    """A reference image of a task as it was found when the task came in, and where from.

    `source` is `upload`, `inline`, or the address without its query, which may hold a token. Its digest tells
    whether the same address is named again.
    """

    role: str
    file_id: str
    type: str
    bytes: int
    width: int
    height: int
    source: str
    address_sha256: str | None = None


def file_id_of(sha256: str) -> str:
    """How an image is named that is ours: by its bytes."""
    return f"file_{sha256}"


def sha256_of(file_id: str) -> str:
    """The digest that an id names."""
    return file_id.removeprefix("file_")


def mode_of(roles: Sequence[Role]) -> Mode:
    """How a model is used that is given images in these roles."""
    given = Counter(roles)
    frames = {Role.FIRST_FRAME, Role.LAST_FRAME} & given.keys()
    if not given:
        return Mode.TEXT
    if given.keys() & {Role.MASK, Role.SOURCE}:
        return Mode.EDIT
    if Role.KEYFRAME in given:
        return Mode.KEYFRAMES
    if frames and len(frames) < len(given):
        return Mode.FRAMES_AND_REFERENCES
    if len(frames) == 2:
        return Mode.FIRST_LAST_FRAME
    if Role.FIRST_FRAME in frames:
        return Mode.FIRST_FRAME
    return Mode.LAST_FRAME if frames else Mode.REFERENCE
