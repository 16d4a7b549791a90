"""What Kling's image models take at its classic endpoint, images/generations; sources as for its videos."""

from collections.abc import Mapping

from schemas.capabilities import Combination, Kind, Mode, Model, ReferenceImages, Role, Values
from schemas.catalogue.kling import COMFY, DOCS, LONGEST_PROMPT, READ, UNIT, defaults_of, images_of

_SEVEN_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
_EIGHT_RATIOS = (*_SEVEN_RATIOS, "21:9")
_NOT_WITH_IMAGES = Combination(when={"mode": ("reference",)}, then={"negative_prompt": ()})


def _image(
    name: str,
    ratios: tuple[str, ...] | None,
    resolutions: tuple[str, ...] | None,
    images: ReferenceImages,
    options: Mapping[str, Values],
    source: str = DOCS,
) -> Model:
    # The sources disagree on a watermark switch here, so it is passed on unchecked.
    text = () if images.min else (Mode.TEXT,)
    only_with_images = Combination(when={"mode": ("text",)}, then={f"options.{one}": () for one in options})
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
        prompt_max=LONGEST_PROMPT,
        options=options,
        combinations=(_NOT_WITH_IMAGES, only_with_images) if options else (_NOT_WITH_IMAGES,),
        defaults=defaults_of(options),
        poll_min_s=2,
        poll_max_s=15,
        source=source,
        as_of=READ,
    )


_FIDELITY: Mapping[str, Values] = {"image_fidelity": UNIT}
# What its one image is for is said by its role.
_OF_A_PERSON: Mapping[str, Values] = {"image_fidelity": UNIT, "human_fidelity": UNIT}

# Kling calls a video model and an image model by the same name; ours must differ.
IMAGES = (
    _image("kling-image-v1", _SEVEN_RATIOS, ("1k",), images_of(1, Role.REFERENCE), _FIDELITY),
    _image("kling-image-v1-5", _EIGHT_RATIOS, ("1k",), images_of(1, Role.SUBJECT, Role.FACE), _OF_A_PERSON),
    # Their reference images go to another endpoint, multi-image2image, which we do not speak.
    _image("kling-image-v2", _EIGHT_RATIOS, ("1k", "2k"), ReferenceImages(), {}),
    _image("kling-image-v2-1", _EIGHT_RATIOS, ("1k", "2k"), ReferenceImages(), {}),
    _image("kling-image-v2-new", None, None, images_of(1, Role.REFERENCE, least=1), {}),
    _image("kling-image-v3", _EIGHT_RATIOS, ("1k", "2k"), images_of(1, Role.REFERENCE), {}, COMFY),
)
