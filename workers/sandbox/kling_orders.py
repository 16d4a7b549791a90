"""What Kling's endpoints take, checked as its parameter tables say, and what is to be made of it."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from workers.sandbox.catalogue import across, within
from workers.sandbox.ledger import Reference, Work
from workers.sandbox.studio import NotAPicture

TEXT, FRAMES, STILL = "/v1/videos/text2video", "/v1/videos/image2video", "/v1/images/generations"
OMNI_FILM, OMNI_STILL = "/v1/videos/omni-video", "/v1/images/omni-image"
STILLS: Final = (STILL, OMNI_STILL)
_BOTH: Final = (
    "kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6",
    "kling-v3",
)  # fmt: skip
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    TEXT: _BOTH,
    FRAMES: (*_BOTH, "kling-v1-5", "kling-v2-1"),
    STILL: ("kling-v1", "kling-v1-5", "kling-v2", "kling-v2-new", "kling-v2-1", "kling-v3"),
    OMNI_FILM: ("kling-video-o1", "kling-v3-omni"),
    OMNI_STILL: ("kling-image-o1", "kling-v3-omni"),
}
_FILM_RATIOS: Final = ("16:9", "9:16", "1:1")
_STILL_RATIOS: Final = (*_FILM_RATIOS, "4:3", "3:4", "3:2", "2:3", "21:9")
_LONGEST_PROMPT: Final = 2500
# Smaller than the real ones; what counts is that they differ.
_FILM_SHORT: Final = {"std": 180, "pro": 240}
_STILL_LONG: Final = {"1k": 256, "2k": 512, "4k": 768}

Keep = Callable[[str, str | None, bytes | None], Reference]


class Slip(ValueError):
    """A parameter that Kling does not take; the message names it."""


def work_of(family: str, body: Mapping[str, Any], prompt: str, keep: Keep) -> Work:
    """What a request asks for. Raises Slip and NotAPicture."""
    for wrong in _slips(family, body, prompt):
        raise Slip(wrong)
    # A film from frames follows the picture; whatever ratio is given with it goes unread.
    ratio = "16:9" if family == FRAMES else body.get("aspect_ratio", "16:9")
    images = tuple(_kept(body, family, keep))
    if family in STILLS:
        ratio = "16:9" if ratio == "auto" else ratio
        width, height = within(ratio, _STILL_LONG[body.get("resolution", "1k")])
        count = body.get("n", 1)
        return Work("picture", "png", prompt, width, height, 0, count=count, references=images)
    width, height = across(ratio, _FILM_SHORT[body.get("mode", "std")])
    return Work(
        "film", "mp4", prompt, width, height, 0,
        seconds=int(body.get("duration", "5")), fps=8, audio=body.get("sound") == "on",
        watermark=bool(body.get("watermark_info", {}).get("enabled")), references=images,
    )  # fmt: skip


def _slips(family: str, body: Mapping[str, Any], prompt: str) -> Iterator[str]:
    allowed = _of_stills(family, body) if family in STILLS else _of_films(family, body)
    for name, choices in allowed.items():
        if name in body and body[name] not in choices:
            yield f"{name} is invalid; it must be one of {', '.join(map(str, choices))}"
    # 1 == True and 5.0 == 5 in Python, and neither is what the table says.
    for name, kind in (("n", int), ("duration", str), ("external_task_id", str)):
        if name in body and type(body[name]) is not kind:
            yield f"{name} must be of type {kind.__name__}"
    if not prompt.strip() and family != FRAMES:
        yield "prompt is required"
    if max(len(prompt), len(body.get("negative_prompt", ""))) > _LONGEST_PROMPT:
        yield f"prompt and negative_prompt have at most {_LONGEST_PROMPT} characters"
    if family == FRAMES and not ("image" in body or "image_tail" in body):
        yield "image or image_tail is required"
    yield from _list_slips(family, body)
    if not 0 <= body.get("cfg_scale", 0.5) <= 1:
        yield "cfg_scale must be between 0 and 1"


def _types(body: Mapping[str, Any]) -> list[str]:
    return [image.get("type", "") for image in body.get("image_list", [])]


def _list_slips(family: str, body: Mapping[str, Any]) -> Iterator[str]:
    types = _types(body)
    if len(types) > (7 if family == OMNI_FILM else 10):
        yield "image_list has too many images"
    if "end_frame" in types and len(types) > 2:
        yield "end_frame does not go with more than 2 images"
    if family == OMNI_FILM and "first_frame" not in types and "aspect_ratio" not in body:
        yield "aspect_ratio is required"


def _of_films(family: str, body: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    longest = {"kling-v3": 15, "kling-v3-omni": 15, "kling-video-o1": 10}.get(body.get("model_name", ""))
    seconds = tuple(str(second) for second in range(3, longest + 1)) if longest else ("5", "10")
    types = _types(body)
    if body.get("model_name") == "kling-video-o1" and types in ([], ["first_frame"]):
        seconds = ("5", "10")
    allowed: dict[str, tuple[Any, ...]] = {
        "duration": seconds,
        "mode": ("std", "pro"),
        "sound": ("on", "off"),
    }
    return allowed | ({"aspect_ratio": _FILM_RATIOS} if family in (TEXT, OMNI_FILM) else {})


def _of_stills(family: str, body: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {
        "n": tuple(range(1, 10)),
        "resolution": ("1k", "2k", "4k") if body.get("model_name") == "kling-v3-omni" else ("1k", "2k"),
        "aspect_ratio": (*_STILL_RATIOS, "auto") if family == OMNI_STILL else _STILL_RATIOS,
        "image_reference": ("subject", "face"),
    } | ({"negative_prompt": ()} if "image" in body else {})


def _kept(body: Mapping[str, Any], family: str, keep: Keep) -> Iterator[Reference]:
    if family in (OMNI_FILM, OMNI_STILL):
        name = "image_url" if family == OMNI_FILM else "image"
        for image in body.get("image_list", []):
            role = {"first_frame": "first_frame", "end_frame": "last_frame"}.get(
                image.get("type"), "reference"
            )
            yield _one(role, str(image[name]), keep)
        return
    roles = (
        {"image": "reference"} if family == STILL else {"image": "first_frame", "image_tail": "last_frame"}
    )
    for name, role in roles.items():
        given = body.get(name)
        if given is None or family == TEXT:
            continue
        yield _one(role, str(given), keep)


def _one(role: str, given: str, keep: Keep) -> Reference:
    if given.startswith(("http://", "https://")):
        return keep(role, given, None)
    return keep(role, None, _decoded(given))


def _decoded(given: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise NotAPicture("image is invalid: a URL, or base64 without a prefix") from error
