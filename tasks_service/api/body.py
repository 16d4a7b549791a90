"""Reads a request's body and refuses everything about which two readers of JSON could disagree."""

import asyncio
import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from schemas.refusals import BodyTooLarge, MalformedRequest
from schemas.rules import pointer_part

MAX_DEPTH = 32
MOST_PARTS = 20_000
_MOST_PROBLEMS = 50
_PATIENCE_S = 60.0
# Set in a request's scope by the protocol once all of its body has come.
IS_WHOLE = "creative_tasks.body_is_whole"
_BOM = b"\xef\xbb\xbf"
# Strings (to the end, where they have none) and what stands between values; every part takes linear time.
_PART = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{,]', re.DOTALL)
# As often as names occur, or more often: strings may hold the like.
_NAME = re.compile(rb'"\s*:')
_WIDEST = 1 << 63  # what PostgreSQL, and most readers of JSON, still count exactly
# The connection ends with the answer: what follows would be the rest of this body.
_CLOSE = {"Connection": "close"}
_Trail = tuple[Any, str | int] | None


class _Repeated(dict[str, Any]):
    """An object in which names came twice."""

    names: tuple[str, ...] = ()


async def read_body(request: Request, limit: int) -> bytes:
    """The bytes of a JSON body. Raises MalformedRequest or BodyTooLarge."""
    _expect_json(request)
    return await read_bytes(request, limit)


async def read_bytes(request: Request, limit: int) -> bytes:
    """The bytes of any body as they are. Raises MalformedRequest or BodyTooLarge."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > 15 or int(announced) > limit):
        raise _too_large(limit)
    if request.scope.get(IS_WHOLE):  # so there is nothing to be patient with
        return await _collected(request, limit)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await _collected(request, limit)
    except TimeoutError as error:
        detail = f"The body did not arrive within {_PATIENCE_S:.0f} seconds."
        raise MalformedRequest(detail, headers=_CLOSE) from error


async def _collected(request: Request, limit: int) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        # Counted on arrival, because the announced length may be absent or a lie.
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return bytes(body)


def expect_sound(body: bytes) -> None:
    """Refuse what `parse` refuses, without building what nobody needs. Raises MalformedRequest."""
    if not is_plainly_sound(body):
        parse(body)


def is_plainly_sound(body: bytes) -> bool:
    """A quick proof for what nearly everybody sends; where it fails, nothing is said of the body yet."""
    if (
        len(body) > MOST_PARTS
        or body.count(b"[") + body.count(b"{") > MAX_DEPTH
        # All other text that we refuse is none for orjson either.
        or b"\\u0000" in body
    ):
        return False
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    # A name that came twice is there once.
    return _names_in(value) == len(_NAME.findall(body))


def parse(body: bytes) -> Any:
    """The one value that this JSON can mean. Raises MalformedRequest with everything that is odd."""
    text = _decoded(body)
    if _has_too_many_parts(body):
        detail = f"The body has more than {MOST_PARTS} parts: strings, commas and opening brackets."
        raise _malformed(detail, "too_many_members")
    value = _loaded(text)
    flaws = list(islice(_flaws(value), _MOST_PROBLEMS))
    if flaws:
        raise MalformedRequest(flaws[0]["detail"], members={"problems": flaws})
    return value


def _has_too_many_parts(body: bytes) -> bool:
    """Asked before anything is built: two bytes of JSON can make a hundred of Python's."""
    if sum(map(body.count, (b'"', b",", b"[", b"{"))) <= MOST_PARTS:
        return False
    return sum(1 for _ in islice(_PART.finditer(body), MOST_PARTS + 1)) > MOST_PARTS


def _names_in(value: Any) -> int | None:
    """How many names a value has, at any depth; None where a number may have been too large to be read."""
    names, ahead = 0, [value]
    for found in ahead:  # it grows on the way
        kind = type(found)
        if kind is dict:
            names += len(found)
            ahead += found.values()
        elif kind is list:
            ahead += found
        elif (kind is int or kind is float) and not -_WIDEST < found < _WIDEST:
            return None
    return names


def _expect_json(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "application/json":
        raise _malformed(f"Send Content-Type: application/json; got {given or 'none'}.", "content_type")
    expect_plain(request)


def expect_plain(request: Request) -> None:
    """Refuse what would first have to be unpacked. Raises MalformedRequest."""
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() not in ("", "identity"):
        raise _malformed("Send the body without a Content-Encoding.", "content_encoding")


def _decoded(body: bytes) -> str:
    if not body.strip():
        raise _malformed("The body is empty; send a JSON object.", "not_json")
    if body.startswith(_BOM):
        raise _malformed("The body begins with a byte order mark; send plain UTF-8.", "byte_order_mark")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8: see byte {error.start}.", "not_utf8") from error


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        detail = f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise _malformed(detail, "not_json") from error
    except RecursionError as error:
        raise _malformed(f"The body is nested deeper than {MAX_DEPTH} levels.", "too_deep") from error
    except ValueError as error:  # Python refuses to read numbers of thousands of digits
        raise _malformed("The body holds a number with too many digits.", "number_too_large") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) == len(pairs):
        return whole
    repeated = _Repeated(whole)
    seen: set[str] = set()
    twice = [name for name, _ in pairs if name in seen or seen.add(name)]
    repeated.names = tuple(dict.fromkeys(twice))
    return repeated


def _flaws(value: Any) -> Iterator[dict[str, str]]:
    """Walks without recursion, so that depth cannot hurt."""
    ahead: list[tuple[_Trail, int, Any]] = [(None, 0, value)]
    while ahead:
        trail, depth, found = ahead.pop()
        if isinstance(found, dict | list) and depth >= MAX_DEPTH:
            yield _flaw(trail, "too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
        elif isinstance(found, dict):
            yield from _flaws_of_names(trail, found)
            ahead.extend(((trail, name), depth + 1, inner) for name, inner in reversed(found.items()))
        elif isinstance(found, list):
            ahead.extend(((trail, n), depth + 1, found[n]) for n in reversed(range(len(found))))
        elif isinstance(found, str):
            yield from _flaws_of_text(trail, found)
        elif isinstance(found, float) and not math.isfinite(found):
            yield _flaw(trail, "not_a_number", "NaN, Infinity and numbers beyond them are not JSON.")
        elif isinstance(found, int) and not -_WIDEST <= found < _WIDEST:
            yield _flaw(trail, "number_too_large", "Whole numbers have at most 64 bits.")


def _flaws_of_names(trail: _Trail, found: dict[str, Any]) -> Iterator[dict[str, str]]:
    if isinstance(found, _Repeated):
        for name in found.names:
            yield _flaw(
                (trail, name), "repeated_name", "This name is there twice; readers differ on which counts."
            )
    for name in found:
        yield from _flaws_of_text((trail, name), name)


def _flaws_of_text(trail: _Trail, text: str) -> Iterator[dict[str, str]]:
    if "\x00" in text:
        yield _flaw(trail, "nul_character", "The character U+0000 cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError:
        yield _flaw(trail, "lone_surrogate", "Half of a surrogate pair is not a character.")


def _flaw(trail: _Trail, code: str, detail: str) -> dict[str, str]:
    """Where it is, is put together only for what is wrong."""
    parts: list[str] = []
    while trail is not None:
        trail, part = trail
        parts.append(f"/{pointer_part(str(part))}")
    pointer = "".join(reversed(parts)).encode("utf-8", "backslashreplace").decode()
    return {"pointer": pointer, "code": code, "detail": detail}


def _malformed(detail: str, code: str) -> MalformedRequest:
    return MalformedRequest(detail, members={"problems": [_flaw(None, code, detail)]})


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"A body holds at most {limit} bytes.", members={"max_bytes": limit}, headers=_CLOSE)
