"""What the Seedance models take at Volcengine Ark.

From Ark's page on creating a video task (volcengine.com/docs/82379/1520757), the types of
volcengine-ark-runtime 5.0.54 and ComfyUI's documentation (commit ffb27fc2, 2026-08-21); read 2026-11-21.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from schemas.capabilities import (
    AUTO_S,
    Combination,
    Kind,
    ListOf,
    Mode,
    Model,
    Outcome,
    ReferenceImages,
    Role,
    Span,
    Values,
)

_DOCS = "volcengine-ark-runtime 5.0.54 and Ark's page on video tasks"
_COMFY = f"{_DOCS}; ComfyUI documentation of 2026-08-21"
_GATEWAY = "QuantumNous/new-api commit 2f6bf06b and ComfyUI documentation"
_READ = date(2026, 11, 21)

_RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")
_TO_720 = ("480p", "720p")
_TO_1080 = (*_TO_720, "1080p")
_TO_4K = (*_TO_1080, "4k")
_SEED = Span(min=-1, max=(1 << 32) - 1, whole=True)  # -1 leaves it to the upstream

# A body holds at most 64 MB, images are in it as base64, and the words beside them need some of it.
_MOST_TOGETHER = 47_000_000
_FORMATS = tuple(f"image/{name}" for name in ("jpeg", "png", "webp", "bmp", "tiff", "gif"))
_PHONES = (*_FORMATS, "image/heic", "image/heif")
_FRAME_ROLES = (Role.FIRST_FRAME, Role.LAST_FRAME)
_ALL_ROLES = (*_FRAME_ROLES, Role.REFERENCE)


def _images(most: int, *roles: Role, least: int = 0, formats: tuple[str, ...] = _FORMATS) -> ReferenceImages:
    return ReferenceImages(
        min=least,
        max=most,
        roles=roles,
        formats=formats,
        max_bytes=30 << 20,
        total_bytes=_MOST_TOGETHER,
        side_min=300,
        side_max=6000,
        ratio_min=0.4,
        ratio_max=2.5,
    )


_TEXT = ReferenceImages()
_FRAMES = _images(2, *_FRAME_ROLES)

_EVERY: Mapping[str, Values] = {
    "return_last_frame": (True, False),
    "execution_expires_after": Span(min=3600, max=259200, whole=True),
    "priority": None,
}
_FIRST_GENERATION: Mapping[str, Values] = {
    **_EVERY,
    "camera_fixed": (True, False),
    "service_tier": ("default", "flex"),
    "frames": None,
}
_MIDDLE: Mapping[str, Values] = {
    **_EVERY,
    "camera_fixed": (True, False),
    "service_tier": ("default", "flex"),
    "draft": (True, False),
}
_SECOND_GENERATION: Mapping[str, Values] = {**_EVERY, "tools": ListOf()}
_LATEST: Mapping[str, Values] = {
    **_SECOND_GENERATION,
    "output_format": ("mp4", "mov"),
    "omni_reference_task_type": None,
}

# What Ark's page gives for what is left out.
_DEFAULTS: Mapping[str, Any] = {
    "seed": -1,
    "watermark": False,
    "audio": True,
    "options.return_last_frame": False,
    "options.execution_expires_after": 172800,
    "options.camera_fixed": False,
    "options.service_tier": "default",
    "options.draft": False,
}

_DRAFTS_ARE_SMALL = Combination(when={"options.draft": (True,)}, then={"resolution": ("480p",)})
_REFERENCES_ARE_SMALL = Combination(when={"mode": ("reference",)}, then={"resolution": _TO_720})
_FRAMES_SET_THE_RATIO = Combination(when={"mode": ("first_frame", "first_last_frame")}, then={"ratio": ()})


def _modes(images: ReferenceImages) -> tuple[Mode, ...]:
    """Frames and reference images exclude each other, and a last frame needs a first one."""
    given = {
        Mode.TEXT: images.min == 0,
        Mode.FIRST_FRAME: Role.FIRST_FRAME in images.roles,
        Mode.FIRST_LAST_FRAME: Role.LAST_FRAME in images.roles,
        Mode.REFERENCE: Role.REFERENCE in images.roles,
    }
    return tuple(mode for mode, offered in given.items() if offered)


def _defaults(taken: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a model does not take, or nobody says whether it does, nothing is filled in."""
    return {name: value for name, value in _DEFAULTS.items() if taken.get(name)}


def _model(
    name: str,
    seconds: tuple[int, int],
    resolutions: tuple[str, ...],
    images: ReferenceImages,
    options: Mapping[str, Values],
    *combinations: Combination,
    audio: bool = True,
    seed: Span | None = _SEED,
    auto: bool = False,
    source: str = _COMFY,
) -> Model:
    # The prompt's length is only advice there (500 Chinese characters), so it is not checked. What a token
    # costs in money no source says with its currency, so there is no price.
    taken = {"watermark": True, "audio": audio, "seed": seed}
    taken |= {f"options.{option}": values for option, values in options.items()}
    return Model(
        name=f"doubao-seedance-{name}",
        kind=Kind.VIDEO,
        modes=_modes(images),
        ratios=_RATIOS,
        resolutions=resolutions,
        durations_s=Span(min=seconds[0], max=seconds[1], whole=True, also=(AUTO_S,) if auto else ()),
        reference_images=images,
        audio=audio,
        seed=seed,
        watermark=True,
        options=options,
        combinations=combinations,
        default_duration_s=5,
        defaults=_defaults(taken),
        outcome=Outcome(fps=(24,)),
        poll_min_s=3,
        poll_max_s=30,
        source=source,
        as_of=_READ,
    )


MODELS = (
    _model("1-0-pro-250528", (2, 12), _TO_1080, _FRAMES, _FIRST_GENERATION, audio=False),
    _model(
        "1-0-pro-fast-251015",
        (2, 12),
        _TO_1080,
        _images(1, Role.FIRST_FRAME),
        _FIRST_GENERATION,
        audio=False,
    ),
    _model("1-0-lite-t2v-250428", (2, 12), _TO_1080, _TEXT, _FIRST_GENERATION, audio=False, source=_DOCS),
    _model(
        "1-0-lite-i2v-250428",
        (2, 12),
        _TO_1080,
        _images(4, *_ALL_ROLES, least=1),
        _FIRST_GENERATION,
        _REFERENCES_ARE_SMALL,
        audio=False,
        source=_DOCS,
    ),
    _model(
        "1-5-pro-251215",
        (4, 12),
        _TO_1080,
        _images(2, *_FRAME_ROLES, formats=_PHONES),
        _MIDDLE,
        _DRAFTS_ARE_SMALL,
    ),
    # Nobody says whether 2.x still takes a seed.
    _model("2-0-260128", (4, 15), _TO_4K, _images(9, *_ALL_ROLES), _SECOND_GENERATION, seed=None),
    _model("2-0-fast-260128", (4, 15), _TO_720, _images(9, *_ALL_ROLES), _SECOND_GENERATION, seed=None),
    _model(
        "2-0-mini-260615",
        (4, 15),
        _TO_720,
        _images(9, *_ALL_ROLES),
        _SECOND_GENERATION,
        seed=None,
        source=_GATEWAY,
    ),
    _model(
        "2-5-260628",
        (4, 30),
        _TO_1080,
        _images(30, *_ALL_ROLES),
        _LATEST,
        _FRAMES_SET_THE_RATIO,
        seed=None,
        auto=True,
    ),
)
