"""The status, which is asked last: it may have been put on by anybody on the way."""

import re
from collections.abc import Iterator

from schemas.failures import FailureKind as K
from schemas.reading.given import Given, Phase
from schemas.reading.layers import Layer

_NAMED = re.compile(
    r"(?i)(?:status(?:[ _-]?code)?|error[ _-]?code|http(?:/[\d.]+)?(?:[ _-]error)?|\bcode|状态码|错误码|"
    r"error|returned(?: an?)?|responded with|\brequest failed)"
    r"[\s:=\"'(\[#]{1,4}([45]\d\d)\b"
)
_FIRST = re.compile(r"^\W{0,3}([45]\d\d)(?=\s|$|[:\-,])|\b([45]\d\d)\b(?= (?:[A-Z][a-z]+|error))")
_FIELDS = (
    "code",
    "status",
    "status_code",
    "statuscode",
    "http_status",
    "http_code",
    "upstreamstatus",
    "error_code",
)
_PAGE = re.compile(
    r"(?:\||error|code|>)\s{0,3}([45]\d\d)\b|"
    r"\b([45]\d\d)\b(?= (?:bad|gateway|internal|service|forbidden|not|too))",
    re.IGNORECASE,
)

_KINDS = {
    400: K.PARAMETER_INVALID,
    401: K.AUTH_INVALID,
    402: K.QUOTA_EXHAUSTED,
    403: K.PERMISSION_DENIED,
    405: K.PARAMETER_INVALID,
    408: K.TIMEOUT,
    413: K.REFERENCE_IMAGE_INVALID,
    415: K.REFERENCE_IMAGE_INVALID,
    422: K.PARAMETER_INVALID,
    429: K.RATE_LIMITED,
    499: K.TIMEOUT,  # the one who asked went away, and the work may go on
    503: K.UPSTREAM_OVERLOADED,
    504: K.TIMEOUT,
    521: K.NETWORK,
    522: K.NETWORK,
    523: K.NETWORK,
    524: K.TIMEOUT,
    525: K.NETWORK,
    526: K.NETWORK,
    529: K.UPSTREAM_OVERLOADED,
    530: K.NETWORK,
}
_OF_A_TASK = {404: K.TASK_NOT_FOUND, 410: K.TASK_NOT_FOUND}
_OF_A_FILE = {
    401: K.TASK_EXPIRED,
    403: K.TASK_EXPIRED,
    404: K.TASK_NOT_FOUND,
    410: K.TASK_EXPIRED,
    400: K.UNKNOWN,
    422: K.UNKNOWN,
}
_OF_A_REQUEST = {404: K.MODEL_NOT_FOUND, 410: K.MODEL_NOT_FOUND}
_BY_PHASE = {Phase.SUBMIT: _OF_A_REQUEST, Phase.POLL: _OF_A_TASK, Phase.DOWNLOAD: _OF_A_FILE}


def innermost_first(given: Given, layers: list[Layer]) -> Iterator[int]:
    """The statuses that the parties named, and at last the one that came with the answer."""
    yield from _named(layers)
    if given.status is not None:
        yield given.status


def every_named(given: Given, layers: list[Layer]) -> Iterator[int]:
    """Each status that anybody named, also those behind the first one of a sentence."""
    yield from innermost_first(given, layers)
    for layer in layers:
        for pattern in (_PAGE,) if layer.page else (_NAMED, _FIRST):
            for found in pattern.finditer(layer.words):
                yield int(next(group for group in found.groups() if group))


def _named(layers: list[Layer]) -> Iterator[int]:
    for layer in layers:
        for name in _FIELDS:
            value = layer.fields.get(name, "")
            if len(value) == 3 and value.isascii() and value.isdigit() and value[0] in "45":
                yield int(value)
        pattern = _PAGE if layer.page else _NAMED
        found = pattern.search(layer.words) or (None if layer.page else _FIRST.search(layer.words))
        if found:
            yield int(next(group for group in found.groups() if group))


def kind_of(status: int, phase: Phase) -> K:
    """What a status means where nothing else was said."""
    kind = _BY_PHASE[phase].get(status) or _KINDS.get(status)
    return kind or (K.UPSTREAM_INTERNAL if 500 <= status < 600 else K.UNKNOWN)
