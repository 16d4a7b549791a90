"""Words that somebody pasted: an error as a whole, told by its parts in JSON, or simply as text."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from schemas.reading.given import Given, Phase

_PARTS = frozenset({"phase", "http_status", "headers", "body", "exception"})


def pasted(text: str) -> Given:
    """What a text holds: JSON that names an error's parts, or the words of one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and _PARTS & value.keys():
        return from_parts(value)
    return Given(body=text)


def from_parts(parts: Mapping[str, Any]) -> Given:
    """An error from its named parts; what has the wrong form is read as if it were not there."""
    phase, status, headers = parts.get("phase"), parts.get("http_status"), parts.get("headers")
    provider = parts.get("provider")
    return Given(
        phase=Phase(phase) if phase in list(Phase) else Phase.SUBMIT,
        provider=provider if isinstance(provider, str) else None,
        status=status if isinstance(status, int) and not isinstance(status, bool) else None,
        headers={str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {},
        body=_text(parts.get("body")),
        exception=_text(parts.get("exception")),
    )


def cleaned(given: Given, clean: Callable[[str], str]) -> Given:
    """The same without what `clean` takes out."""
    return replace(
        given,
        headers={name: clean(value) for name, value in given.headers.items()},
        body=clean(given.body),
        exception=clean(given.exception),
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
