"""What a model can do, in the words that the validator and `GET /v1/models` share.

Three answers are kept apart everywhere: a value (this is what it takes), an empty tuple or False
(it takes none), and None (nobody told us: passed on, and reported as not checked).
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Kind(StrEnum):
    """What comes out."""

    IMAGE = "image"
    VIDEO = "video"


class Role(StrEnum):
    """What a reference image is for."""

    REFERENCE = "reference"
    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"
    MASK = "mask"
    STYLE = "style"
    SUBJECT = "subject"


class ReferenceImages(BaseModel):
    """How many reference images a model takes, and in which roles."""

    model_config = ConfigDict(frozen=True)

    min: int = 0
    max: int = 0
    roles: tuple[Role, ...] = ()


class Model(BaseModel):
    """One model of one provider: its limits, its defaults, and how often to look at its tasks."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    ratios: tuple[str, ...] | None = ()
    sizes: tuple[str, ...] | None = ()
    resolutions: tuple[str, ...] | None = ()
    durations_s: tuple[float, ...] | None = ()
    fps: tuple[int, ...] | None = ()
    n_max: int | None = 1
    reference_images: ReferenceImages | None = ReferenceImages()
    audio: bool | None = False
    seed: bool | None = False
    watermark: bool | None = False
    negative_prompt: bool | None = False
    prompt_max_chars: int | None = None
    options: tuple[str, ...] = ()
    default_ratio: str | None = None
    default_size: str | None = None
    default_resolution: str | None = None
    default_duration_s: float | None = None
    poll_min_s: float = 2.0
    poll_max_s: float = 30.0
    stalled_after_s: float | None = None  # in one state; None: as for any other
    source: str = ""

    def pace(self, age_s: float) -> float:
        """Seconds until the next look at a task of this age: a tenth of it, within the model's bounds."""
        return min(max(age_s / 10, self.poll_min_s), self.poll_max_s)
