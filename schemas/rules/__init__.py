"""Every check that is made before money is spent: one pure function each.

A rule yields what is wrong and what would be right; it never raises. None in a model's table means that
nobody told us, so the rule stays silent and `not_checked` names the parameter.
"""

from collections.abc import Sequence

from schemas.capabilities import Model
from schemas.pictures import Picture
from schemas.rules.combinations import combinations_hold, proven
from schemas.rules.defaults import with_defaults
from schemas.rules.filing import (
    callback_is_an_address,
    callbacks_are_offered,
    metadata_is_text,
    options_are_known,
)
from schemas.rules.images import pictures_fit, reference_images_fit
from schemas.rules.names import nearest_models
from schemas.rules.prompt import (
    negative_prompt_is_offered,
    prompt_fits,
    prompt_is_given,
    prompt_is_text,
)
from schemas.rules.shape import (
    count_is_offered,
    duration_is_offered,
    fps_is_offered,
    ratio_is_offered,
    resolution_is_offered,
    shapes_agree,
    size_is_offered,
)
from schemas.rules.switches import audio_is_offered, seed_is_offered, watermark_is_offered
from schemas.rules.unchecked import not_checked
from schemas.rules.violation import Rule, Violation, pointer_part
from schemas.task import TaskRequest

__all__ = (
    "CHECKS",
    "RULES",
    "Rule",
    "Violation",
    "check",
    "nearest_models",
    "not_checked",
    "pictures_fit",
    "pointer_part",
    "with_defaults",
)

RULES: tuple[Rule, ...] = (
    prompt_is_given,
    prompt_fits,
    prompt_is_text,
    negative_prompt_is_offered,
    ratio_is_offered,
    size_is_offered,
    resolution_is_offered,
    shapes_agree,
    duration_is_offered,
    fps_is_offered,
    count_is_offered,
    audio_is_offered,
    seed_is_offered,
    watermark_is_offered,
    reference_images_fit,
    combinations_hold,
    options_are_known,
    metadata_is_text,
    callback_is_an_address,
    callbacks_are_offered,
)

# What a task that came in has passed, by name.
CHECKS = (*(rule.__name__ for rule in RULES), pictures_fit.__name__)


def check(request: TaskRequest, model: Model, pictures: Sequence[Picture | None] = ()) -> list[Violation]:
    """Everything that is wrong with a request, all at once; of its images as far as they were looked at."""
    found = [violation for rule in RULES for violation in rule(request, model)]
    # What is not offered at all and not beside the rest either is said once, the narrower way.
    narrower = {one.pointer for one in found if one.code == "not_with"}
    told = [one for one in found if one.code == "not_with" or one.pointer not in narrower]
    return [*(proven(one, request, model) for one in told), *pictures_fit(request, model, pictures)]
