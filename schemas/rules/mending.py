"""A nearest value is told only where the request passes with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from schemas.rules.violation import Violation
from schemas.task import TaskRequest

# Of these no single value is proposed that could be put in their place.
_WHOLE = {"model", "reference_images", "metadata"}


def proven(
    violation: Violation,
    request: TaskRequest,
    found: list[Violation],
    again: Callable[[TaskRequest], list[Violation]],
) -> Violation:
    """The violation with the nearest value that mends it and breaks nothing else, if there is one."""
    if violation.nearest is None or violation.code == "unknown_option":
        return violation
    before = {(one.pointer, one.code) for one in found if one.pointer != violation.pointer}
    for value in (violation.nearest, *violation.others):
        mended = _with(request, violation.pointer, value)
        if mended is None:
            return violation
        if all((one.pointer, one.code) in before for one in again(mended)):
            return replace(violation, nearest=value)
    return replace(violation, nearest=None)


def _with(request: TaskRequest, pointer: str, value: Any) -> TaskRequest | None:
    """None where the pointer is not of a single value."""
    name, _, rest = pointer[1:].partition("/")
    if name == "options" and rest:
        option = rest.replace("~1", "/").replace("~0", "~")
        return request.model_copy(update={"options": request.options | {option: value}})
    return None if rest or name in _WHOLE else request.model_copy(update={name: value})
