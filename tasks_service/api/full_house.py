"""What those hear who come on top of a full house: a cheap no, since it takes the others' time."""

from collections.abc import Iterable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from tasks_service.api.middleware import METHODS, RAW_GUARDS, overloaded, request_id_of
from tasks_service.api.problems import answer
from tasks_service.api.room import Room

_ANY_ID = b"req_00000000000000000000000000000000"
_ANSWER = answer(overloaded(), _ANY_ID.decode())
_BODY = bytes(_ANSWER.body)
_OWN = [line for line in _ANSWER.raw_headers if line[0] != b"content-length"]
_HEAD = b"".join(
    b"%b: %b\r\n" % line for line in [*_OWN, *(guard for guard in RAW_GUARDS if guard[0] not in dict(_OWN))]
)


def turned_away(
    scope: Scope, room: Room, server_headers: Iterable[tuple[bytes, bytes]], *, keep_alive: bool
) -> bytes:
    """The whole answer as it goes over the line; it is counted, too."""
    room.turned_away(scope["method"] if scope["method"] in METHODS else "other")
    request_id = request_id_of(scope).encode()
    body = _BODY.replace(_ANY_ID, request_id)
    return b"".join(
        (
            STATUS_LINE[503],
            *(b"%b: %b\r\n" % line for line in server_headers),
            _HEAD,
            b"x-request-id: %b\r\ncontent-length: %d\r\n" % (request_id, len(body)),
            b"\r\n" if keep_alive else b"connection: close\r\n\r\n",
            b"" if scope["method"] == "HEAD" else body,
        )
    )
