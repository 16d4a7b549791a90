"""What Kling's video models take at its classic endpoints: text2video and image2video.

From the capability map and the parameter tables of Kling's API reference (app.klingai.com/global/dev, in a
copy of 2026-02) and, where said, from ComfyUI's documentation (commit ffb27fc2, 2026-08-21); read 2026-11-21.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.capabilities import (
    GIVEN,
    Combination,
    Kind,
    ListOf,
    Mode,
    Model,
    Outcome,
    Price,
    ReferenceImages,
    Role,
    Span,
    Values,
)

DOCS = "Kling API reference, capability map of 2026-02"
COMFY = f"{DOCS}; ComfyUI documentation of 2026-08-21"
READ = date(2026, 11, 21)
_RETIRED = date(2026, 9, 15)  # says ComfyUI's documentation
LONGEST_PROMPT = 2500
UNIT = Span(min=0, max=1)
_TO_1080 = ("720p", "1080p")


def images_of(most: int, *roles: Role, least: int = 0) -> ReferenceImages:
    """What Kling takes of every image, whatever it is for."""
    return ReferenceImages(
        min=least,
        max=most,
        roles=roles,
        formats=("image/jpeg", "image/png"),
        max_bytes=10 << 20,
        side_min=300,
        ratio_min=0.4,
        ratio_max=2.5,
    )


_TEXT_OR_FRAMES = images_of(2, Role.FIRST_FRAME, Role.LAST_FRAME)
_FRAMES_ONLY = images_of(2, Role.FIRST_FRAME, Role.LAST_FRAME, least=1)
_TEXT_OR_FIRST = images_of(1, Role.FIRST_FRAME)
_MODES: Mapping[Role, tuple[Mode, ...]] = {
    Role.FIRST_FRAME: (Mode.FIRST_FRAME,),
    Role.LAST_FRAME: (Mode.LAST_FRAME, Mode.FIRST_LAST_FRAME),
}
_ENDS = ("last_frame", "first_last_frame")
_FRAMED = ("first_frame", *_ENDS)

_STD_OR_PRO: Mapping[str, Values] = {"mode": ("std", "pro")}
_CFG: Mapping[str, Values] = {"cfg_scale": UNIT}
_CAMERA: Mapping[str, Values] = {"camera_control": None, "static_mask": None, "dynamic_masks": ListOf(max=6)}
_VOICES: Mapping[str, Values] = {"voice_list": ListOf(max=2)}
_SHOTS: Mapping[str, Values] = {
    "multi_shot": (True, False),
    "shot_type": ("customize", "intelligence"),
    "multi_prompt": ListOf(max=6),
}

# A film that begins or ends with an image has that image's ratio.
_NO_RATIO = Combination(when={"mode": _FRAMED}, then={"ratio": ()})
_LAST_NEEDS_PRO = Combination(when={"mode": _ENDS}, then={"options.mode": ("pro",)}, required=True)
_LAST_IS_SHORT = Combination(when={"mode": _ENDS}, then={"duration_s": (5.0,)})
_LAST_IS_SILENT = Combination(when={"mode": _ENDS}, then={"audio": (False,)})
_SOUND_NEEDS_PRO = Combination(when={"audio": (True,)}, then={"options.mode": ("pro",)}, required=True)


def _only_with(name: str, mode: str, quality: str) -> Combination:
    then = {"mode": (mode,), "options.mode": (quality,), "duration_s": (5.0,)}
    return Combination(when={f"options.{name}": (GIVEN,)}, then=then, required=True)


_V1_CAMERA = (
    _only_with("camera_control", "text", "std"),
    *(
        Combination(when={f"options.{mask}": (GIVEN,)}, then={"mode": ("first_frame",), "duration_s": (5.0,)})
        for mask in ("static_mask", "dynamic_masks")
    ),
)
_V1_5_CAMERA = (
    *(_only_with(name, "first_frame", "pro") for name in _CAMERA),
    # The camera moves, or parts of the image do.
    Combination(
        when={"options.camera_control": (GIVEN,)},
        then={"options.static_mask": (), "options.dynamic_masks": ()},
    ),
)
_SILENT_PRICES = tuple(
    Price(
        amount=Decimal(amount),
        currency="USD",
        per="second",
        when={"options.mode": modes, "audio": (None, False)},
        source="secondary sources of 2026-08; an estimate",
    )
    for amount, modes in (("0.042", ("std",)), ("0.07", ("pro",)))
)


def defaults_of(options: Mapping[str, Values]) -> dict[str, Any]:
    """What Kling's tables give for what is left out; where one quality is all there is, that."""
    known = {"mode": "std", "cfg_scale": 0.5, "image_fidelity": 0.5, "human_fidelity": 0.45}
    defaults: dict[str, Any] = {}
    for name, default in known.items():
        values = options.get(name)
        if values is not None:
            only = values[0] if isinstance(values, tuple) and len(values) == 1 else default
            defaults[f"options.{name}"] = only
    return defaults


def _video(
    name: str,
    images: ReferenceImages,
    options: Mapping[str, Values],
    *combinations: Combination,
    made: tuple[str, ...],
    fps: tuple[int, ...] | None = (24,),
    source: str = DOCS,
    durations_s: tuple[float, ...] | Span = (5.0, 10.0),
    audio: bool = False,
    prices: tuple[Price, ...] = (),
    retires_on: date | None = None,
) -> Model:
    # The resolution follows from the model and from `mode`; there is no field for it and none for a seed.
    text = () if images.min else (Mode.TEXT,)
    taken: Mapping[str, Values] = {**_STD_OR_PRO, **options}
    return Model(
        name=name,
        kind=Kind.VIDEO,
        modes=(*text, *(mode for role in images.roles for mode in _MODES[role])),
        ratios=("16:9", "9:16", "1:1"),
        durations_s=durations_s,
        reference_images=images,
        audio=audio,
        watermark=True,
        negative_prompt=True,
        prompt_required=(Mode.TEXT,),
        prompt_max=LONGEST_PROMPT,
        options=taken,
        combinations=(_NO_RATIO, *combinations),
        default_duration_s=5,
        defaults=defaults_of(taken),
        outcome=Outcome(resolutions=made, fps=fps),
        prices=prices,
        retires_on=retires_on,
        poll_min_s=5,
        poll_max_s=30,
        source=source,
        as_of=READ,
    )


VIDEOS = (
    _video(
        "kling-v1",
        _TEXT_OR_FRAMES,
        {**_CFG, **_CAMERA},
        _LAST_IS_SHORT,
        *_V1_CAMERA,
        made=("720p",),
        fps=(30,),
    ),
    _video(
        "kling-v1-5",
        _FRAMES_ONLY,
        {**_CFG, **_CAMERA},
        _LAST_NEEDS_PRO,
        *_V1_5_CAMERA,
        made=_TO_1080,
        fps=(30,),
        source=COMFY,
        retires_on=_RETIRED,
    ),
    # Its 1 to 4 reference images go to another endpoint, multi-image2video, which we do not speak.
    _video(
        "kling-v1-6",
        _TEXT_OR_FRAMES,
        _CFG,
        _LAST_NEEDS_PRO,
        made=_TO_1080,
        fps=(24, 30),
        source=COMFY,
        retires_on=_RETIRED,
    ),
    _video("kling-v2-master", _TEXT_OR_FIRST, {"mode": ("pro",)}, made=("720p",)),
    _video(
        "kling-v2-1",
        _FRAMES_ONLY,
        {},
        _LAST_NEEDS_PRO,
        made=_TO_1080,
        source=COMFY,
        retires_on=_RETIRED,
    ),
    # Nobody says whether it knows std.
    _video(
        "kling-v2-1-master",
        _TEXT_OR_FIRST,
        {"mode": None},
        made=("1080p",),
        source=COMFY,
        retires_on=_RETIRED,
    ),
    _video("kling-v2-5-turbo", _TEXT_OR_FRAMES, {}, _LAST_NEEDS_PRO, made=("1080p",), prices=_SILENT_PRICES),
    _video(
        "kling-v2-6",
        _TEXT_OR_FRAMES,
        _VOICES,
        _LAST_NEEDS_PRO,
        _LAST_IS_SILENT,
        _SOUND_NEEDS_PRO,
        made=_TO_1080,
        audio=True,
        prices=_SILENT_PRICES,
    ),
    _video(
        "kling-v3",
        _TEXT_OR_FRAMES,
        {**_CFG, **_VOICES, **_SHOTS},
        made=(*_TO_1080, "4k"),
        fps=None,
        source=COMFY,
        durations_s=Span(min=3, max=15, whole=True),
        audio=True,
    ),
)
