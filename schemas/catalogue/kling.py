"""What Kling's models take at its classic endpoints: text2video, image2video and images/generations.

From the capability map and the parameter tables of Kling's API reference (app.klingai.com/global/dev, in a
copy of 2026-02) and, where said, from ComfyUI's documentation (commit ffb27fc2, 2026-08-21); read 2026-11-21.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from schemas.capabilities import (
    GIVEN,
    Combination,
    Kind,
    Mode,
    Model,
    Price,
    ReferenceImages,
    Role,
    Span,
    Values,
)

_DOCS = "Kling API reference, capability map of 2026-02"
_COMFY = f"{_DOCS}; ComfyUI documentation of 2026-08-21"
_READ = date(2026, 11, 21)
_RETIRED = date(2026, 9, 15)  # says ComfyUI's documentation
_LONGEST_PROMPT = 2500
_UNIT = Span(min=0, max=1)


def _images(most: int, *roles: Role, least: int = 0) -> ReferenceImages:
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


_TEXT_OR_FRAMES = _images(2, Role.FIRST_FRAME, Role.LAST_FRAME)
_FRAMES_ONLY = _images(2, Role.FIRST_FRAME, Role.LAST_FRAME, least=1)
_TEXT_OR_FIRST = _images(1, Role.FIRST_FRAME)
_MODES: Mapping[Role, tuple[Mode, ...]] = {
    Role.FIRST_FRAME: (Mode.FIRST_FRAME,),
    Role.LAST_FRAME: (Mode.LAST_FRAME, Mode.FIRST_LAST_FRAME),
}
_ENDS = ("last_frame", "first_last_frame")
_FRAMED = ("first_frame", *_ENDS)

_STD_OR_PRO: Mapping[str, Values] = {"mode": ("std", "pro")}
_CFG: Mapping[str, Values] = {"cfg_scale": _UNIT}
_CAMERA: Mapping[str, Values] = {"camera_control": None, "static_mask": None, "dynamic_masks": None}
_VOICES: Mapping[str, Values] = {"voice_list": None}
_SHOTS: Mapping[str, Values] = {
    "multi_shot": (True, False),
    "shot_type": ("customize", "intelligence"),
    "multi_prompt": None,
}

# A film that begins or ends with an image has that image's ratio.
_NO_RATIO = Combination(when={"mode": _FRAMED}, then={"ratio": ()})
_LAST_NEEDS_PRO = Combination(when={"mode": _ENDS}, then={"options.mode": ("pro",)}, required=True)
_LAST_IS_SHORT = Combination(when={"mode": _ENDS}, then={"duration_s": (5.0,)})
_LAST_IS_SILENT = Combination(when={"mode": _ENDS}, then={"audio": (False,)})
_SOUND_NEEDS_PRO = Combination(when={"audio": (True,)}, then={"options.mode": ("pro",)}, required=True)


def _only_with(name: str, mode: str, quality: str) -> Combination:
    then = {"mode": (mode,), "options.mode": (quality,), "duration_s": (5.0,)}
    return Combination(when={f"options.{name}": (GIVEN,)}, then=then)


_V1_CAMERA = (
    _only_with("camera_control", "text", "std"),
    *(
        Combination(when={f"options.{mask}": (GIVEN,)}, then={"mode": ("first_frame",), "duration_s": (5.0,)})
        for mask in ("static_mask", "dynamic_masks")
    ),
)
_V1_5_CAMERA = tuple(_only_with(name, "first_frame", "pro") for name in _CAMERA)
_SILENT_PRICES = tuple(
    Price(
        amount=Decimal(amount),
        currency="USD",
        per="second",
        when={"options.mode": modes, "audio": (None, False)},
        source="secondary sources of 2026-08; an estimate",
    )
    for amount, modes in (("0.042", ("std", None)), ("0.07", ("pro",)))
)


def _video(
    name: str,
    images: ReferenceImages,
    options: Mapping[str, Values],
    *combinations: Combination,
    source: str = _DOCS,
    durations_s: tuple[float, ...] | Span = (5.0, 10.0),
    audio: bool = False,
    prices: tuple[Price, ...] = (),
    retires_on: date | None = None,
) -> Model:
    # The resolution follows from the model and from `mode`; there is no field for it and none for a seed.
    text = () if images.min else (Mode.TEXT,)
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
        prompt_max=_LONGEST_PROMPT,
        options={**_STD_OR_PRO, **options},
        combinations=(_NO_RATIO, *combinations),
        default_duration_s=5,
        prices=prices,
        retires_on=retires_on,
        poll_min_s=5,
        poll_max_s=30,
        source=source,
        as_of=_READ,
    )


VIDEOS = (
    _video("kling-v1", _TEXT_OR_FRAMES, {**_CFG, **_CAMERA}, _LAST_IS_SHORT, *_V1_CAMERA),
    _video(
        "kling-v1-5",
        _FRAMES_ONLY,
        {**_CFG, **_CAMERA},
        _LAST_NEEDS_PRO,
        *_V1_5_CAMERA,
        source=_COMFY,
        retires_on=_RETIRED,
    ),
    _video("kling-v1-6", _TEXT_OR_FRAMES, _CFG, _LAST_NEEDS_PRO, source=_COMFY, retires_on=_RETIRED),
    _video("kling-v2-master", _TEXT_OR_FIRST, {}),
    _video("kling-v2-1", _FRAMES_ONLY, {}, _LAST_NEEDS_PRO, source=_COMFY, retires_on=_RETIRED),
    _video("kling-v2-1-master", _TEXT_OR_FIRST, {}, source=_COMFY, retires_on=_RETIRED),
    _video("kling-v2-5-turbo", _TEXT_OR_FRAMES, {}, _LAST_NEEDS_PRO, prices=_SILENT_PRICES),
    _video(
        "kling-v2-6",
        _TEXT_OR_FRAMES,
        _VOICES,
        _LAST_NEEDS_PRO,
        _LAST_IS_SILENT,
        _SOUND_NEEDS_PRO,
        audio=True,
        prices=_SILENT_PRICES,
    ),
    _video(
        "kling-v3",
        _TEXT_OR_FRAMES,
        {**_CFG, **_VOICES, **_SHOTS},
        source=_COMFY,
        durations_s=Span(min=3, max=15, whole=True),
        audio=True,
    ),
)

_SEVEN_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
_EIGHT_RATIOS = (*_SEVEN_RATIOS, "21:9")
_NOT_WITH_IMAGES = Combination(when={"mode": ("reference",)}, then={"negative_prompt": ()})


def _image(
    name: str,
    ratios: tuple[str, ...] | None,
    resolutions: tuple[str, ...] | None,
    images: ReferenceImages,
    options: Mapping[str, Values],
    source: str = _DOCS,
) -> Model:
    # The sources disagree on a watermark switch here, so it is passed on unchecked.
    text = () if images.min else (Mode.TEXT,)
    return Model(
        name=name,
        kind=Kind.IMAGE,
        modes=(*text, Mode.REFERENCE) if images.max else text,
        ratios=ratios,
        resolutions=resolutions,
        n_max=9,
        reference_images=images,
        watermark=None,
        negative_prompt=True,
        prompt_max=_LONGEST_PROMPT,
        options=options,
        combinations=(_NOT_WITH_IMAGES,),
        poll_min_s=2,
        poll_max_s=15,
        source=source,
        as_of=_READ,
    )


_FIDELITY: Mapping[str, Values] = {"image_fidelity": _UNIT}
_OF_A_PERSON: Mapping[str, Values] = {
    "image_reference": ("subject", "face"),
    "image_fidelity": _UNIT,
    "human_fidelity": _UNIT,
}

# Kling calls a video model and an image model by the same name; ours must differ.
IMAGES = (
    _image("kling-image-v1", _SEVEN_RATIOS, ("1k",), _images(1, Role.REFERENCE), _FIDELITY),
    _image("kling-image-v1-5", _EIGHT_RATIOS, ("1k",), _images(1, Role.SUBJECT), _OF_A_PERSON),
    # Their reference images go to another endpoint, multi-image2image, which we do not speak.
    _image("kling-image-v2", _EIGHT_RATIOS, ("1k", "2k"), ReferenceImages(), {}),
    _image("kling-image-v2-1", _EIGHT_RATIOS, ("1k", "2k"), ReferenceImages(), {}),
    _image("kling-image-v2-new", None, None, _images(1, Role.REFERENCE, least=1), {}),
    _image("kling-image-v3", _EIGHT_RATIOS, ("1k", "2k"), _images(1, Role.REFERENCE), {}, _COMFY),
)
