"""A nearest value is told only where the request passes with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from schemas.capabilities import Role
from schemas.rules.violation import Violation
from schemas.task import TaskRequest

# Of these no single value is proposed that could be put in their place.
_WHOLE = {"model", "reference_images", "metadata"}
_NOTHING_FITS = " None of these goes with the rest of the request; leave it out."
_NO_ROLE_FITS = " No other role goes with the rest of the request; leave the image out."


def proven(
    violation: Violation,
    request: TaskRequest,
    found: list[Violation],
    again: Callable[[TaskRequest], list[Violation]],
) -> Violation:
    """The violation with the nearest value that mends it and breaks nothing else, if there is one."""
    if violation.nearest is None or violation.code == "unknown_option" or not _is_single(violation.pointer):
        return violation
    before = {(one.pointer, one.code) for one in found if one.pointer != violation.pointer}

    def passes(mended: TaskRequest) -> bool:
        return all((one.pointer, one.code) in before for one in again(mended))

    for value in (violation.nearest, *violation.others):
        if passes(_with(request, violation.pointer, value)):
            return replace(violation, nearest=value)
    unmended = replace(violation, nearest=None)
    if violation.code != "contradiction" and passes(_without(request, violation.pointer)):
        advice = _NO_ROLE_FITS if violation.pointer.endswith("/role") else _NOTHING_FITS
        return replace(unmended, detail=violation.detail + advice)
    return unmended


def _is_single(pointer: str) -> bool:
    """Whether a pointer is of one value that another can be put in place of."""
    name, _, rest = pointer[1:].partition("/")
    return name == "options" or rest.endswith("/role") if rest else name not in _WHOLE


def _with(request: TaskRequest, pointer: str, value: Any) -> TaskRequest:
    name, _, rest = pointer[1:].partition("/")
    if not rest:
        return request.model_copy(update={name: value})
    if name == "options":
        return request.model_copy(update={name: request.options | {_option(rest): value}})
    at, images = int(rest.partition("/")[0]), request.reference_images
    image = images[at].model_copy(update={"role": Role(value)})
    return request.model_copy(update={name: (*images[:at], image, *images[at + 1 :])})


def _without(request: TaskRequest, pointer: str) -> TaskRequest:
    name, _, rest = pointer[1:].partition("/")
    if not rest:
        return request.model_copy(update={name: None})
    if name == "options":
        kept = {option: value for option, value in request.options.items() if option != _option(rest)}
        return request.model_copy(update={name: kept})
    at, images = int(rest.partition("/")[0]), request.reference_images
    return request.model_copy(update={name: (*images[:at], *images[at + 1 :])})


def _option(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
