"""What a model can do, in the words that the validator and `GET /v1/models` share.

Three answers are kept apart everywhere: a value (this is what it takes), an empty tuple or False
(it takes none), and None (nobody told us: passed on, and reported as not checked).
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

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
    SOURCE = "source"  # what is to be changed, where that is something else than to be followed
    KEYFRAME = "keyframe"  # a moment somewhere in a film, in the order given
    FACE = "face"
    SCENE = "scene"
    PERSON = "person"  # who is to wear it
    CLOTHING = "clothing"


class Mode(StrEnum):
    """How a model is used; it follows from the images that are given."""

    TEXT = "text"  # none
    FIRST_FRAME = "first_frame"  # one that the film begins with
    LAST_FRAME = "last_frame"  # one that it ends with, and none for its beginning
    FIRST_LAST_FRAME = "first_last_frame"
    REFERENCE = "reference"  # images to follow in subject or style
    FRAMES_AND_REFERENCES = "frames_and_references"
    KEYFRAMES = "keyframes"
    EDIT = "edit"  # something that is changed: an image, with or without a mask, or a film
    EXTEND = "extend"  # a film that goes on; no request of ours can carry one, so this is only told


class PromptUnit(StrEnum):
    """What a vendor counts in a prompt; tokens are its own, so nobody else can count them."""

    CHARACTERS = "characters"
    UTF16_UNITS = "utf16_units"
    BYTES = "bytes"
    TOKENS = "tokens"


class Part(BaseModel):
    """A part of a model's table."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Part):
    """Numbers from `min` to `max` in steps from `min` on; a bound that nobody told us is None.

    `also` are numbers beside the range, such as -1 for a length that is left to the upstream.
    """

    min: float | None = None
    max: float | None = None
    step: float | None = None
    whole: bool = False
    also: tuple[float, ...] = ()


class ListOf(Part):
    """A list, of which each member is one of these; None where nobody told us."""

    each: tuple[Any, ...] | None = None
    max: int | None = None


# What an option may be: one of these, in this span, a list, whatever is written there, or unknown.
Values = tuple[Any, ...] | Span | ListOf | Literal["free"] | None
# A film's length that is left to the upstream, where a model offers that.
AUTO_S = -1.0
# In a condition: whatever it is, as long as it is given.
GIVEN = "*"
# False: it takes none. True: as asked for. Always: it cannot be switched off.
Switch = bool | Literal["always"] | None


class FreeSizes(Part):
    """Sizes that are not in a list: sides and areas in pixels, `ratio_max` the long side by the short one."""

    multiple_of: int = 1
    side_min: int | None = None
    side_max: int | None = None
    pixels_min: int | None = None
    pixels_max: int | None = None
    ratio_max: float | None = None


class ReferenceImages(Part):
    """How many reference images a model takes, in which roles, and what they must be like.

    Sides in pixels, as seen (after EXIF orientation); ratios are width by height; sizes in bytes.
    """

    min: int = 0
    max: int | None = 0
    roles: tuple[Role, ...] = ()
    most_of: Mapping[Role, int] = {}
    formats: tuple[str, ...] | None = None
    max_bytes: int | None = None
    max_mask_bytes: int | None = None
    total_bytes: int | None = None
    side_min: int | None = None
    side_max: int | None = None
    ratio_min: float | None = None
    ratio_max: float | None = None


class Combination(Part):
    """Where all of `when` holds, each parameter of `then` may only be one of these; where that is `()`, none.

    Parameters are named as in a request, with `mode` for what follows from its images, `images` for their
    number and `options.NAME` for those of one upstream. With `required` they must be given, too.
    """

    when: Mapping[str, tuple[Any, ...]]
    then: Mapping[str, tuple[Any, ...] | Span]
    required: bool = False


class Outcome(Part):
    """What comes out where it cannot be asked for; None where nobody told us."""

    resolutions: tuple[str, ...] | None = None
    fps: tuple[int, ...] | None = None


class Price(Part):
    """What the vendor's page asked on a day, where all of `when` holds; an estimate, never a bill."""

    amount: Decimal
    currency: str
    per: Literal["second", "image", "task"]
    when: Mapping[str, tuple[Any, ...]] = {}
    source: str


class Model(Part):
    """One model of one provider: its limits, its defaults, and how often to look at its tasks."""

    name: str
    kind: Kind
    modes: tuple[Mode, ...] | None = None
    ratios: tuple[str, ...] | None = ()
    ratio_required: bool = False
    sizes: tuple[str, ...] | None = ()
    free_sizes: FreeSizes | None = None
    resolutions: tuple[str, ...] | None = ()
    durations_s: tuple[float, ...] | Span | None = ()
    fps: tuple[int, ...] | None = ()
    n_max: int | None = 1
    images_and_n_max: int | None = None  # of what is given and what is made, together
    reference_images: ReferenceImages | None = ReferenceImages()
    audio: Switch = False
    seed: bool | Span | None = False
    watermark: Switch = False
    negative_prompt: bool | None = False
    prompt_required: bool | tuple[Mode, ...] = True  # or only in these modes
    prompt_max: int | None = None
    prompt_unit: PromptUnit = PromptUnit.CHARACTERS
    options: Mapping[str, Values] = {}
    combinations: tuple[Combination, ...] = ()
    default_ratio: str | None = None
    default_size: str | None = None
    default_resolution: str | None = None
    default_duration_s: float | None = None
    defaults: Mapping[str, Any] = {}  # of all others, named as in a combination
    outcome: Outcome = Outcome()
    prices: tuple[Price, ...] = ()
    retires_on: date | None = None
    lives_on: bool = False  # elsewhere, after its vendor has shut it down
    poll_min_s: float = 2.0
    poll_max_s: float = 30.0
    stalled_after_s: float | None = None  # in one state; None: as for any other
    source: str = ""
    as_of: date | None = None

    def pace(self, age_s: float) -> float:
        """Seconds until the next look at a task of this age: a tenth of it, within the model's bounds."""
        return min(max(age_s / 10, self.poll_min_s), self.poll_max_s)
