"""A model's defaults, filled in before the checks, so that what is sent is what was checked."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.capabilities import Model
from schemas.rules.combinations import asked_of, holds
from schemas.rules.offered import is_among
from schemas.rules.outline import Shape
from schemas.task import TaskRequest

_OPTION = "options."


def with_defaults(request: TaskRequest, model: Model) -> TaskRequest:
    """The request with what was left out filled in, except where a combination does not allow it."""
    return fill_in(request, defaults_of(request, model))


def fill_in(request: TaskRequest, added: Mapping[str, Any]) -> TaskRequest:
    """The request with defaults that were found for it, or for one of the same shape."""
    if not added:
        return request
    if "options" in added:
        added = {**added, "options": request.options | added["options"]}
    return request.model_copy(update=added)


def defaults_of(request: Shape, model: Model) -> dict[str, Any]:
    """What was left out and has a default that goes with the rest."""
    asked, filled = asked_of(request), dict[str, Any]()
    for name, default in _defaults(request, model):
        # An option that is null was given, and is refused as it stands.
        if asked.get(name) is None and name.removeprefix(_OPTION) not in request.options:
            value = _fitting(name, default, asked, model)
            if value is not None:
                asked[name] = filled[name] = value
    options = {name.removeprefix(_OPTION): filled.pop(name) for name in [*filled] if name.startswith(_OPTION)}
    if options:
        filled["options"] = options
    return filled


def _defaults(request: Shape, model: Model) -> Iterator[tuple[str, Any]]:
    """What was said of the shape is never joined by a default that may contradict it."""
    shaped = request.ratio is not None or request.size is not None
    if model.default_ratio is not None and not shaped:
        yield "ratio", model.default_ratio
    if model.default_size is not None and not shaped and request.resolution is None:
        yield "size", model.default_size
    if model.default_resolution is not None and request.size is None:
        yield "resolution", model.default_resolution
    if model.n_max is not None:
        yield "n", 1
    yield from model.defaults.items()
    # The last, since it depends on the others most often.
    if model.default_duration_s is not None:
        yield "duration_s", model.default_duration_s


def _fitting(name: str, default: Any, asked: dict[str, Any], model: Model) -> Any:
    tables = [one.then[name] for one in model.combinations if name in one.then and holds(one.when, asked)]
    if all(is_among(default, table) for table in tables):
        return default
    if name.startswith(_OPTION):
        return None  # another quality has another price: that is for the customer to say
    # A single value that is possible then is the default then; of several the customer has to choose one.
    only = [table[0] for table in tables if isinstance(table, tuple) and len(table) == 1]
    return only[0] if only else None
