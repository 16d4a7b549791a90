"""A model's defaults, filled in before the checks, so that what is sent is what was checked."""

from typing import Any

from schemas.capabilities import Model
from schemas.rules.combinations import asked_of, holds
from schemas.rules.offered import is_among
from schemas.task import TaskRequest


def with_defaults(request: TaskRequest, model: Model) -> TaskRequest:
    """The request with what was left out filled in, except where a combination does not allow it."""
    shape_given = request.ratio is not None or request.size is not None
    defaults: dict[str, Any] = {
        "ratio": None if shape_given else model.default_ratio,
        "size": None if shape_given else model.default_size,
        "resolution": None if request.size is not None else model.default_resolution,
        "n": 1 if model.n_max is not None else None,
        # The last, since it depends on the others most often.
        "duration_s": model.default_duration_s,
    }
    filled = request
    for name, value in defaults.items():
        if value is not None and getattr(request, name) is None:
            filled = _filled(filled, model, name, value)
    return filled


def _filled(request: TaskRequest, model: Model, name: str, value: Any) -> TaskRequest:
    asked = asked_of(request)
    tables = [one.then[name] for one in model.combinations if name in one.then and holds(one.when, asked)]
    if all(is_among(value, table) for table in tables):
        return request.model_copy(update={name: value})
    # A single value that is possible then is the default then; of several the customer has to choose one.
    only = [table[0] for table in tables if isinstance(table, tuple) and len(table) == 1]
    return request.model_copy(update={name: only[0]}) if only else request
