"""What the studio offers: its models, and what each of them takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

RATIOS: Final = {
    "1:1": (1, 1),
    "16:9": (16, 9),
    "9:16": (9, 16),
    "4:3": (4, 3),
    "3:4": (3, 4),
    "3:2": (3, 2),
    "2:3": (2, 3),
    "21:9": (21, 9),
}
_FIVE_RATIOS: Final = ("1:1", "16:9", "9:16", "4:3", "3:4")


@dataclass(frozen=True, slots=True)
class Offer:
    """One model: its sides follow from ratio and long side (pictures) or short side (films)."""

    kind: Literal["picture", "film"]
    suffix: Literal["png", "webp", "mp4"]
    ratios: tuple[str, ...]
    side: int
    resolutions: Mapping[str, int]
    durations: tuple[int, ...] = ()
    most: int = 1
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slip:
    """A parameter that the studio does not take."""

    field: str
    message: str


OFFERS: Final[Mapping[str, Offer]] = {
    "sandbox-image-1": Offer("picture", "png", _FIVE_RATIOS, 512, {}, most=4, roles=("reference", "style")),
    "sandbox-image-1-fast": Offer("picture", "webp", ("1:1", "16:9", "9:16"), 256, {}, most=4),
    "sandbox-video-1": Offer(
        "film",
        "mp4",
        ("16:9", "9:16", "1:1"),
        360,
        {"240p": 240, "360p": 360},
        (2, 5, 10),
        roles=("first_frame", "last_frame", "reference"),
    ),
    "sandbox-video-1-lite": Offer("film", "mp4", ("16:9", "9:16", "1:1"), 180, {}, (2,)),
}
MOST_IMAGES: Final = 2


def slips(offer: Offer, body: Mapping[str, Any]) -> Iterator[Slip]:
    """Everything in a request that the model does not take."""
    if not isinstance(body.get("prompt"), str) or not body["prompt"].strip():
        yield Slip("prompt", "prompt is required")
    if body.get("ratio", "1:1") not in offer.ratios:
        yield Slip("ratio", f"ratio must be one of {', '.join(offer.ratios)}")
    if "resolution" in body and body["resolution"] not in offer.resolutions:
        yield Slip("resolution", f"resolution must be one of {', '.join(offer.resolutions) or 'nothing'}")
    if "duration_s" in body and body["duration_s"] not in offer.durations:
        yield Slip(
            "duration_s", f"duration_s must be one of {', '.join(map(str, offer.durations)) or 'nothing'}"
        )
    n = body.get("n", 1)
    if not isinstance(n, int) or not 1 <= n <= offer.most:
        yield Slip("n", f"n must be 1 to {offer.most}")
    if not isinstance(body.get("seed", 0), int):
        yield Slip("seed", "seed must be a whole number")
    images = body.get("images", [])
    if not isinstance(images, list) or len(images) > (MOST_IMAGES if offer.roles else 0):
        yield Slip("images", f"at most {MOST_IMAGES if offer.roles else 0} images")
    elif not all(isinstance(image, dict) and image.get("role") in offer.roles for image in images):
        yield Slip("images", f"an image's role must be one of {', '.join(offer.roles)}")


def sides(offer: Offer, ratio: str, resolution: str | None) -> tuple[int, int]:
    """Width and height in pixels."""
    if offer.kind == "picture":
        return within(ratio, long=offer.side)
    return across(ratio, short=offer.resolutions.get(resolution or "", offer.side))


def within(ratio: str, long: int) -> tuple[int, int]:
    """The sides of a picture by its longer one."""
    return _even(ratio, long / max(RATIOS[ratio]))


def across(ratio: str, short: int) -> tuple[int, int]:
    """The sides of a film by its shorter one."""
    return _even(ratio, short / min(RATIOS[ratio]))


def _even(ratio: str, scale: float) -> tuple[int, int]:
    wide, high = RATIOS[ratio]
    # Video codecs want even numbers.
    return round(wide * scale / 2) * 2, round(high * scale / 2) * 2
