"""What Kling's omni models take: one endpoint for films and one for images, with the images in a list.

From Kling's API reference (its pages on omni-video and omni-image, in a copy of 2026-02) and ComfyUI's
documentation (commit ffb27fc2, 2026-08-21); read 2026-11-21. Elements and input videos are
not offered: our requests have no word for them.
"""

from datetime import date

from schemas.capabilities import Combination, Kind, Mode, Model, Outcome, ReferenceImages, Role, Span

_DOCS = "Kling API reference, omni pages of 2026-02; ComfyUI documentation of 2026-08-21"
_COMFY = "ComfyUI documentation of 2026-08-21"
_READ = date(2026, 11, 21)
_FILM_RATIOS = ("16:9", "9:16", "1:1")
_STILL_RATIOS = (*_FILM_RATIOS, "4:3", "3:4", "3:2", "2:3", "21:9", "auto")
_FRAMED = ("first_frame", "first_last_frame")

# A film that begins with an image has that image's ratio; any other has to be told one.
_NO_RATIO = Combination(when={"mode": _FRAMED}, then={"ratio": ()})
_FIVE_OR_TEN = Combination(when={"mode": ("text", "first_frame")}, then={"duration_s": (5.0, 10.0)})


def _images(most: int, *roles: Role) -> ReferenceImages:
    return ReferenceImages(
        max=most,
        roles=roles,
        formats=("image/jpeg", "image/png"),
        max_bytes=10 << 20,
        side_min=300,
        ratio_min=0.4,
        ratio_max=2.5,
    )


def _video(
    name: str, longest_s: int, made: tuple[str, ...], *combinations: Combination, audio: bool, source: str
) -> Model:
    # A last frame goes with one other image at most, and no mode tells it from a first one beside
    # references: so frames together with references are not offered.
    return Model(
        name=name,
        kind=Kind.VIDEO,
        modes=(Mode.TEXT, Mode.FIRST_FRAME, Mode.FIRST_LAST_FRAME, Mode.REFERENCE),
        ratios=_FILM_RATIOS,
        durations_s=Span(min=3, max=longest_s, whole=True),
        reference_images=_images(7, Role.FIRST_FRAME, Role.LAST_FRAME, Role.REFERENCE),
        audio=audio,
        watermark=True,
        prompt_max=2500,
        options={"mode": ("std", "pro")},
        combinations=(_NO_RATIO, *combinations),
        default_ratio="16:9",
        default_duration_s=5,
        defaults={"options.mode": "pro"},
        outcome=Outcome(resolutions=made),
        poll_min_s=5,
        poll_max_s=30,
        source=source,
        as_of=_READ,
    )


def _image(name: str, resolutions: tuple[str, ...], source: str) -> Model:
    # The sources disagree on a watermark switch here, so it is passed on unchecked.
    return Model(
        name=name,
        kind=Kind.IMAGE,
        modes=(Mode.TEXT, Mode.REFERENCE),
        ratios=_STILL_RATIOS,
        resolutions=resolutions,
        n_max=9,
        reference_images=_images(10, Role.REFERENCE),
        watermark=None,
        prompt_max=2500,
        poll_min_s=2,
        poll_max_s=15,
        source=source,
        as_of=_READ,
    )


OMNI_VIDEOS = (
    _video("kling-video-o1", 10, ("720p", "1080p"), _FIVE_OR_TEN, audio=False, source=_DOCS),
    _video("kling-v3-omni", 15, ("720p", "1080p", "4k"), audio=True, source=_COMFY),
)
OMNI_IMAGES = (
    _image("kling-image-o1", ("1k", "2k"), _DOCS),
    # Kling calls it kling-v3-omni, like the video model; ours must differ.
    _image("kling-image-v3-omni", ("1k", "2k", "4k"), _COMFY),
)
