"""Cursors: where a page ended, and of which list it was."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson

from schemas.refusals import MalformedRequest

_Place = TypeVar("_Place")


def closed(place: Sequence[str], list_of: Any) -> str:
    """A cursor for the place, for use in the very same list."""
    return base64.urlsafe_b64encode(orjson.dumps([*place, _seal(place, list_of)])).decode()


def opened(cursor: str, list_of: Any, reading: Callable[..., _Place]) -> _Place:
    """The place again, as `reading` has its parts. Raises MalformedRequest where it is none of this list."""
    try:
        *place, seal = orjson.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        if seal == _seal(place, list_of):
            return reading(*place)
    except (ValueError, TypeError, OverflowError, AttributeError, binascii.Error):
        pass
    detail = "after is the `next` of a page of this very list: the same filters, unchanged."
    problem = {"parameter": "after", "code": "wrong_cursor", "got": cursor, "detail": detail}
    raise MalformedRequest(detail, members={"problems": [problem]})


def _seal(place: Sequence[str], list_of: Any) -> str:
    # Not a secret: it keeps a cursor from being used, by mistake, where it would skip or repeat.
    return hashlib.sha256(f"{list(place)}{list_of}".encode()).hexdigest()[:16]
