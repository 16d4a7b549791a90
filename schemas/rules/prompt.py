"""Rules about words."""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from schemas.capabilities import Model, PromptUnit
from schemas.rules.violation import Violation
from schemas.task import TaskRequest

# Tokens are a vendor's own: nobody else can count them.
COUNTED: Mapping[PromptUnit, tuple[str, Callable[[str], int]]] = MappingProxyType(
    {
        PromptUnit.CHARACTERS: ("characters", len),
        PromptUnit.UTF16_UNITS: ("UTF-16 units", lambda text: len(text.encode("utf-16-le")) // 2),
        PromptUnit.BYTES: ("bytes", lambda text: len(text.encode())),
    }
)
# Unicode's category Cc, without tab and line ends.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def prompt_is_given(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """No upstream makes anything useful of nothing, and some charge for trying."""
    if model.prompt_required and not request.prompt.strip():
        yield Violation("/prompt", "prompt_empty", "The prompt is empty.", got=request.prompt)


def prompt_fits(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Length is counted as the vendor counts it."""
    if model.prompt_max is None or model.prompt_unit not in COUNTED:
        return
    unit, length_of = COUNTED[model.prompt_unit]
    for name in ("prompt", "negative_prompt"):
        length = length_of(getattr(request, name) or "")
        if length > model.prompt_max:
            detail = f"{name} has {length} {unit}; {model.name} takes at most {model.prompt_max}."
            allowed = {"max": model.prompt_max, "unit": model.prompt_unit.value}
            yield Violation(f"/{name}", "too_long", detail, length, allowed)


def prompt_is_text(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Control characters break logs and upstreams; tab and line ends are text."""
    for name in ("prompt", "negative_prompt", "external_id"):
        if found := _CONTROL.search(getattr(request, name) or ""):
            letter = f"U+{ord(found[0]):04X}"
            detail = f"{name} holds the control character {letter}."
            yield Violation(f"/{name}", "control_character", detail, got=letter)


def negative_prompt_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """What the model does not take is refused, because dropping it would sell something else."""
    if request.negative_prompt is not None and model.negative_prompt is False:
        detail = f"{model.name} does not take negative_prompt; leave it out."
        yield Violation("/negative_prompt", "not_supported", detail, got=request.negative_prompt)
