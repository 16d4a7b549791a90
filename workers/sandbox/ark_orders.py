"""What Ark's video tasks take, checked as its parameter table says, and what is to be made of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workers.sandbox.catalogue import across
from workers.sandbox.ledger import Reference, Work
from workers.sandbox.studio import inline_bytes

# Smaller than the real ones; what counts is that they differ.
_SHORT: Final = {"480p": 180, "720p": 240, "1080p": 360, "4k": 480}
_RATIOS: Final = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")
_FRAMES: Final = ("first_frame", "last_frame")
_LARGEST_SEED: Final = 2**32 - 1

Keep = Callable[[str, str | None, bytes | None], Reference]


@dataclass(frozen=True, slots=True)
class _Offer:
    shortest: int
    longest: int
    resolutions: tuple[str, ...]
    most_references: int = 0
    audio: bool = True
    frames: bool = True
    words: bool = True


_HD: Final = ("480p", "720p", "1080p")
OFFERS: Final[Mapping[str, _Offer]] = {
    "doubao-seedance-1-0-lite-t2v-250428": _Offer(2, 12, _HD, audio=False, frames=False),
    "doubao-seedance-1-0-lite-i2v-250428": _Offer(2, 12, _HD, 4, audio=False, words=False),
    "doubao-seedance-1-0-pro-250528": _Offer(2, 12, _HD, audio=False),
    "doubao-seedance-1-0-pro-fast-251015": _Offer(2, 12, _HD, audio=False),
    "doubao-seedance-1-5-pro-251215": _Offer(4, 12, _HD),
    "doubao-seedance-2-0-260128": _Offer(4, 15, (*_HD, "4k"), 9),
    "doubao-seedance-2-0-fast-260128": _Offer(4, 15, ("480p", "720p"), 9),
    "doubao-seedance-2-0-mini-260615": _Offer(4, 15, ("480p", "720p"), 9),
    "doubao-seedance-2-5-260628": _Offer(4, 30, _HD, 30),
}


class Slip(ValueError):
    """A parameter that Ark does not take: which, and why."""

    def __init__(self, param: str, words: str):
        super().__init__(words)
        self.param = param


def without_nulls(value: Any) -> Any:
    """The SDK writes null for every field that is not set."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def words_of(content: list[dict[str, Any]]) -> str:
    """The prompt: all the texts together."""
    return " ".join(one["text"] for one in content if one["type"] == "text")


def work_of(body: Mapping[str, Any], prompt: str, keep: Keep) -> Work:
    """What a request asks for. Raises Slip and NotAPicture."""
    images = [one for one in body["content"] if one["type"] == "image_url"]
    for param, words in _slips(OFFERS[body["model"]], body, prompt, images):
        raise Slip(param, words)
    ratio = body.get("ratio", "16:9")
    width, height = across("16:9" if ratio == "adaptive" else ratio, _SHORT[body.get("resolution", "720p")])
    audio = OFFERS[body["model"]].audio and body.get("generate_audio", True)
    return Work(
        "film", "mp4", prompt, width, height, max(body.get("seed", 0), 0),
        seconds=body.get("duration", 5), fps=8, audio=audio, watermark=body.get("watermark", False),
        references=tuple(_kept(image, keep) for image in images),
    )  # fmt: skip


def _slips(
    offer: _Offer, body: Mapping[str, Any], prompt: str, images: list[dict[str, Any]]
) -> Iterator[tuple[str, str]]:
    for name, choices in {"ratio": _RATIOS, "resolution": offer.resolutions}.items():
        if name in body and body[name] not in choices:
            yield name, f"the parameter {name} must be one of {', '.join(choices)}"
    duration, seed = body.get("duration", 5), body.get("seed", -1)
    if type(duration) is not int or not offer.shortest <= duration <= offer.longest:
        yield "duration", f"the parameter duration must be {offer.shortest} to {offer.longest}"
    if type(seed) is not int or not -1 <= seed <= _LARGEST_SEED:
        yield "seed", f"the parameter seed must be -1 to {_LARGEST_SEED}"
    for name in ("watermark", "generate_audio", "camera_fixed", "return_last_frame", "draft"):
        if not isinstance(body.get(name, False), bool):
            yield name, f"the parameter {name} must be a boolean"
    if not prompt.strip() and not images:
        yield "content", "content must hold a text or an image"
    if not offer.words and not images:
        yield "content", "this model needs an image"
    yield from _slips_of_images(offer, images)


def _slips_of_images(offer: _Offer, images: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    roles = [_role(image) for image in images]
    references = [role for role in roles if role == "reference_image"]
    frames = [role for role in roles if role in _FRAMES]
    if len(references) + len(frames) < len(roles):
        yield "content", "the role of an image must be first_frame, last_frame or reference_image"
    if references and frames:
        yield "content", "first/last frame and reference images exclude each other"
    if len(references) > offer.most_references or (frames and not offer.frames):
        yield "content", "this model does not take so many images in these roles"
    if len(set(frames)) < len(frames) or frames == ["last_frame"]:
        yield "content", "one first frame, and at most one last frame beside it"


def _role(image: dict[str, Any]) -> str:
    return image.get("role", "first_frame")


def _kept(image: dict[str, Any], keep: Keep) -> Reference:
    url = image["image_url"]["url"]
    role = "reference" if _role(image) == "reference_image" else _role(image)
    return keep(role, None, inline_bytes(url)) if url.startswith("data:") else keep(role, url, None)
