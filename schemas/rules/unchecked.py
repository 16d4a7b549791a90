"""What of a request could not be checked, because nobody told us what the model takes."""

from schemas.capabilities import Model
from schemas.rules.outline import Shape
from schemas.rules.prompt import COUNTED

_OF_IMAGES = ("max", "formats", "max_bytes", "side_min", "side_max", "ratio_min", "ratio_max")


def not_checked(request: Shape, model: Model) -> tuple[str, ...]:
    """The parameters that were given and are passed on as they are."""
    tables = {
        "ratio": model.ratios,
        "size": model.sizes if model.free_sizes is None else (),
        "resolution": model.resolutions,
        "duration_s": model.durations_s,
        "fps": model.fps,
        "n": model.n_max,
        "negative_prompt": model.negative_prompt,
        "seed": model.seed,
        "audio": model.audio,
        "watermark": model.watermark,
        "prompt": model.prompt_max if model.prompt_unit in COUNTED else None,
    }
    unknown = [
        name
        for name, table in tables.items()
        if table is None and (name == "prompt" or getattr(request, name) is not None)
    ]
    options = [f"options.{name}" for name in request.options if model.options.get(name, ()) is None]
    return (*unknown, *_images(request, model), *options)


def _images(request: Shape, model: Model) -> list[str]:
    if not request.reference_images or (model.reference_images and model.reference_images.max == 0):
        return []
    if model.reference_images is None:
        return ["reference_images"]
    limits = model.reference_images
    return [f"reference_images.{name}" for name in _OF_IMAGES if getattr(limits, name) is None]
