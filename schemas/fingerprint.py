"""When two requests are the same work."""

import hashlib
import json
from typing import Any

from schemas.task import TaskRequest

# How a caller files a task does not change what the upstream would make of it.
_FILING = {"external_id", "metadata", "allow_duplicate"}


def fingerprint(request: TaskRequest) -> bytes:
    """SHA-256 over the canonical JSON of everything that shapes the result.

    Takes the request with its defaults filled in, so that asking for the default and not asking at all
    are the same work. Different seeds are different work; an omitted seed twice is the same work.
    """
    return hashlib.sha256(canonical(work(request))).digest()


def work(request: TaskRequest) -> dict[str, Any]:
    """The part of a request that decides what is made, with inline image bytes replaced by their digest."""
    parameters = request.model_dump(mode="json", exclude_none=True, exclude=_FILING)
    for image in parameters.get("reference_images", ()):
        if "data" in image:
            image["data"] = hashlib.sha256(image["data"].encode()).hexdigest()
    return parameters


def canonical(value: Any) -> bytes:
    """JSON with sorted names, no white space, and one spelling for equal numbers (1.0 is 1)."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
