"""Every check that is made before money is spent: one pure function each.

A rule yields what is wrong and what would be right; it never raises. None in a model's table means that
nobody told us, so the rule stays silent and `not_checked` names the parameter.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import date

from schemas.capabilities import Kind, Mode, Model
from schemas.pictures import Picture
from schemas.rules.combinations import combinations_hold
from schemas.rules.defaults import with_defaults
from schemas.rules.filing import callback_is_an_address, callbacks_are_offered, options_are_known
from schemas.rules.images import pictures_fit, reference_images_fit
from schemas.rules.keys import labels_are_free_of_keys
from schemas.rules.mending import proven
from schemas.rules.names import ending, model_is_living, nearest_models, unknown_model
from schemas.rules.prompt import (
    metadata_is_text,
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
    "ending",
    "judge",
    "nearest_models",
    "not_checked",
    "pictures_fit",
    "pointer_part",
    "unknown_model",
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
    labels_are_free_of_keys,
    callback_is_an_address,
    callbacks_are_offered,
)
# What is wrong whatever the model.
_WITHOUT_A_MODEL: tuple[Rule, ...] = (
    prompt_is_given,
    prompt_is_text,
    metadata_is_text,
    labels_are_free_of_keys,
    callback_is_an_address,
    callbacks_are_offered,
)
# What becomes of a parameter changes nothing for these, and they take their time.
_OF_LABELS: frozenset[Rule] = frozenset({metadata_is_text, labels_are_free_of_keys, callback_is_an_address})
_NOBODY_S = Model(name="", kind=Kind.IMAGE, prompt_required=(Mode.TEXT,))

# What a task that came in has passed, by name.
CHECKS = (model_is_living.__name__, *(rule.__name__ for rule in RULES), pictures_fit.__name__)


def judge(request: TaskRequest, models: Mapping[str, Model], today: date) -> list[Violation]:
    """Everything that is wrong with a request before its images are looked at; its defaults are filled in."""
    model = models.get(request.model)
    if model is None:
        anyway = [found for rule in _WITHOUT_A_MODEL for found in rule(request, _NOBODY_S)]
        return [unknown_model(request.model, tuple(models)), *anyway]
    return [*model_is_living(model, models.values(), today), *check(request, model)]


def check(request: TaskRequest, model: Model, pictures: Sequence[Picture | None] = ()) -> list[Violation]:
    """What is wrong for a model, all at once; with the images as far as they were looked at.

    Defaults are filled in, and anew for each value that is tried out: what is left out depends on the rest.
    """
    found = _found(request, model)
    if found:
        found = [
            proven(one, request, found, lambda mended: _found(mended, model, _OF_LABELS)) for one in found
        ]
    return [*found, *pictures_fit(request, model, pictures)]


def _found(request: TaskRequest, model: Model, but: Container[Rule] = ()) -> list[Violation]:
    filled = with_defaults(request, model)
    found = [violation for rule in RULES if rule not in but for violation in rule(filled, model)]
    # What is not offered at all and not beside the rest either is said once, the narrower way; and a size
    # that is not offered contradicts nothing.
    narrower = {one.pointer for one in found if one.code == "not_with"}
    wrong = {one.pointer for one in found if one.code != "contradiction"}
    return [
        one
        for one in found
        if one.code == "not_with"
        or (
            one.pointer not in narrower
            and not (one.code == "contradiction" and wrong & {"/size", one.pointer})
        )
    ]
