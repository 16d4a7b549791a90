"""When two requests are the same work."""

import base64
import hashlib
import json
from typing import Any

import orjson

from schemas.pictures import file_id_of
from schemas.task import TaskRequest

# How a caller files a task, and where to call back, does not change what the upstream would make of it.
_FILING = {"external_id", "metadata", "allow_duplicate", "callback_url"}
_PLAIN = frozenset({str, int, bool, type(None)})


def fingerprint(request: TaskRequest) -> bytes:
    """SHA-256 over the canonical JSON of everything that shapes the result.

    Takes the request with its defaults filled in, so that asking for the default and not asking at all
    are the same work. Different seeds are different work; an omitted seed twice is the same work. Text counts
    letter by letter, as the upstream would get it.
    """
    return hashlib.sha256(canonical(work(request))).digest()


def work(request: TaskRequest) -> dict[str, Any]:
    """The part of a request that decides what is made."""
    return by_bytes({name: value for name, value in as_json(request).items() if name not in _FILING})


def as_json(request: TaskRequest) -> dict[str, Any]:
    """A request as JSON, without what was left out."""
    if request.reference_images:
        return request.model_dump(mode="json", exclude_none=True)
    # Without images, all values are those of JSON as they are.
    return {name: value for name, value in vars(request).items() if value is not None}


def by_bytes(asked: dict[str, Any]) -> dict[str, Any]:
    """A request as JSON in which each inline image is named by its bytes, as an upload of the same is.

    An address stays one: what is behind it is known only once it was fetched.
    """
    images = [_by_bytes(image) for image in asked.get("reference_images", ())]
    return asked | {"reference_images": images} if images else asked


def canonical(value: Any) -> bytes:
    """JSON with sorted names, no white space, and one spelling for equal numbers (1.0 is 1)."""
    plain = _plain(value)
    try:
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number of more than 64 bits
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _by_bytes(image: dict[str, Any]) -> dict[str, Any]:
    data = image.get("data")
    if data is None:
        return image
    content = base64.b64decode(data.partition(",")[2])
    rest = {name: value for name, value in image.items() if name != "data"}
    return rest | {"file_id": file_id_of(hashlib.sha256(content).hexdigest())}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return value | {name: _plain(inner) for name, inner in value.items() if type(inner) not in _PLAIN}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
