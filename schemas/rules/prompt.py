"""Rules about words."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from schemas.capabilities import Model, PromptUnit
from schemas.pictures import mode_of
from schemas.rules.keys import pointer_to_entry
from schemas.rules.offered import not_taken
from schemas.rules.outline import Shape
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

# Controls break logs and upstreams; marks that turn writing around make people read what is not there. All
# else is text: joiners hold emoji and whole scripts together, and an unassigned one is next year's emoji.
_HARMFUL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_NO_TEXT = re.compile(f"[{_HARMFUL}]")
_NO_LABEL = re.compile(f"[{_HARMFUL}\r]")
# Letters and marks of which nothing is seen: fillers, and variation selectors.
_BLANK = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufe00\ufe01\ufe0e\ufe0f")


def prompt_is_given(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """No upstream makes anything useful of nothing, and some charge for trying."""
    if not _is_blank(request.prompt):
        return
    needed = model.prompt_required
    if needed is True or (needed and mode_of([one.role for one in request.reference_images]) in needed):
        wrong = "is empty" if not request.prompt else "holds nothing that can be seen"
        detail = f"The prompt {wrong}; say in words what is to be made."
        yield Violation("/prompt", "prompt_empty", detail, got=request.prompt)


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
        text = getattr(request, name)
        if text and not text.isprintable():  # most are, and that is seen at once
            yield from _harm(f"/{name}", name, text, _NO_TEXT)


def metadata_is_text(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Metadata is shown to support, beside other people's."""
    for name, value in request.metadata.items():
        if name.isprintable() and value.isprintable():
            continue
        # The pointer has the name as it is; a sentence has it so that it can be read.
        pointer = pointer_to_entry(name)
        what = "A metadata entry" if pointer == "/metadata" else f"The metadata entry {name!r}"
        yield from _harm(pointer, what, name + value, _NO_LABEL)


def negative_prompt_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """What the model does not take is refused, because dropping it would sell something else."""
    if request.negative_prompt is not None and model.negative_prompt is False:
        yield not_taken("negative_prompt", request.negative_prompt, model)


def _is_blank(text: str) -> bool:
    """Whether nothing of it can be seen; the first letter of a real prompt decides."""
    return all(letter in _UNSEEN or unicodedata.category(letter) in _BLANK for letter in text)


def _harm(pointer: str, what: str, text: str, harmful: re.Pattern[str]) -> Iterator[Violation]:
    found = harmful.search(text)
    if found:
        code = f"U+{ord(found[0]):04X}"
        kind = "turns writing around" if found[0] > "\u2000" else "is a control character"
        yield Violation(
            pointer, "control_character", f"{what} holds {code}, which {kind}; leave it out.", got=code
        )
