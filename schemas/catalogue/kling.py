"""What Kling's models take at its three classic endpoints: text2video, image2video and images/generations.

From the capability map and the parameter tables of Kling's API reference (app.klingai.com/global/dev, in a
copy of 2026-02) and, where said, from ComfyUI's documentation (commit ffb27fc2, 2026-08-21); read 2026-11-21.
"""

from schemas.capabilities import Kind, Model, ReferenceImages, Role

_DOCS = "Kling API reference, capability map of 2026-02, read 2026-11-21"
_RETIRED = f"{_DOCS}; ComfyUI says retired 2026-09-15"
_COMFY = f"{_DOCS}; ComfyUI documentation of 2026-08-21"
_LONGEST_PROMPT = 2500

_FIVE_OR_TEN = (5.0, 10.0)
_THREE_TO_FIFTEEN = tuple(float(seconds) for seconds in range(3, 16))
_TEXT_OR_FRAMES = ReferenceImages(max=2, roles=(Role.FIRST_FRAME, Role.LAST_FRAME))
_FRAMES_ONLY = _TEXT_OR_FRAMES.model_copy(update={"min": 1})
_TEXT_OR_FIRST = ReferenceImages(max=1, roles=(Role.FIRST_FRAME,))

_MASKS = ("static_mask", "dynamic_masks")
_SHOTS = ("multi_shot", "shot_type", "multi_prompt")


def _video(
    name: str,
    images: ReferenceImages,
    *options: str,
    source: str = _DOCS,
    durations_s: tuple[float, ...] = _FIVE_OR_TEN,
    audio: bool = False,
) -> Model:
    # The resolution follows from the model and from `mode`; there is no field for it and none for a seed.
    return Model(
        name=name,
        kind=Kind.VIDEO,
        ratios=("16:9", "9:16", "1:1"),
        durations_s=durations_s,
        reference_images=images,
        audio=audio,
        watermark=True,
        negative_prompt=True,
        prompt_max_chars=_LONGEST_PROMPT,
        options=("mode", *options),
        default_duration_s=5,
        poll_min_s=5,
        poll_max_s=30,
        source=source,
    )


VIDEOS = (
    _video("kling-v1", _TEXT_OR_FRAMES, "cfg_scale", "camera_control", *_MASKS),
    _video("kling-v1-5", _FRAMES_ONLY, "cfg_scale", "camera_control", *_MASKS, source=_RETIRED),
    _video("kling-v1-6", _TEXT_OR_FRAMES, "cfg_scale", source=_RETIRED),
    _video("kling-v2-master", _TEXT_OR_FIRST),
    _video("kling-v2-1", _FRAMES_ONLY, source=_RETIRED),
    _video("kling-v2-1-master", _TEXT_OR_FIRST, source=_RETIRED),
    _video("kling-v2-5-turbo", _TEXT_OR_FRAMES),
    _video("kling-v2-6", _TEXT_OR_FRAMES, "voice_list", audio=True),
    _video(
        "kling-v3",
        _TEXT_OR_FRAMES,
        "cfg_scale",
        "voice_list",
        *_SHOTS,
        source=_COMFY,
        durations_s=_THREE_TO_FIFTEEN,
        audio=True,
    ),
)

_SEVEN_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
_EIGHT_RATIOS = (*_SEVEN_RATIOS, "21:9")
_NO_IMAGE = ReferenceImages()
_ONE_IMAGE = ReferenceImages(max=1, roles=(Role.REFERENCE,))
_ONE_SUBJECT = ReferenceImages(max=1, roles=(Role.SUBJECT,))
_RESTYLED = ReferenceImages(min=1, max=1, roles=(Role.REFERENCE,))


def _image(
    name: str,
    ratios: tuple[str, ...] | None,
    resolutions: tuple[str, ...] | None,
    images: ReferenceImages,
    *options: str,
    source: str = _DOCS,
) -> Model:
    # The sources disagree on a watermark switch here, so it is passed on unchecked.
    return Model(
        name=name,
        kind=Kind.IMAGE,
        ratios=ratios,
        resolutions=resolutions,
        n_max=9,
        reference_images=images,
        watermark=None,
        negative_prompt=True,
        prompt_max_chars=_LONGEST_PROMPT,
        options=options,
        poll_min_s=2,
        poll_max_s=15,
        source=source,
    )


# Kling calls a video model and an image model by the same name; ours must differ.
IMAGES = (
    _image("kling-image-v1", _SEVEN_RATIOS, ("1k",), _ONE_IMAGE, "image_fidelity"),
    _image(
        "kling-image-v1-5",
        _EIGHT_RATIOS,
        ("1k",),
        _ONE_SUBJECT,
        "image_reference",
        "image_fidelity",
        "human_fidelity",
    ),
    # Their reference images go to another endpoint, multi-image2image, which we do not speak.
    _image("kling-image-v2", _EIGHT_RATIOS, ("1k", "2k"), _NO_IMAGE),
    _image("kling-image-v2-1", _EIGHT_RATIOS, ("1k", "2k"), _NO_IMAGE),
    _image("kling-image-v2-new", None, None, _RESTYLED),
    _image("kling-image-v3", _EIGHT_RATIOS, ("1k", "2k"), _ONE_IMAGE, source=_COMFY),
)
