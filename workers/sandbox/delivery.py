"""Results on their way out: whole, in parts, or spoilt as the script says."""

import asyncio
import gzip
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from workers.sandbox.ledger import Creation
from workers.sandbox.mischief import Gone
from workers.sandbox.studio import TYPES, Studio

_EXPIRED: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
    "<Message>Request has expired</Message><RequestId>SANDBOX0000000001</RequestId></Error>"
)
_PAGES: Final = {
    "html": (200, "<html><body>This file is being prepared.</body></html>", "text/html"),
    "404": (404, "not found", "text/plain"),
    "500": (500, "internal error", "text/plain"),
}
_SLOW_BYTES: Final = 1024
_DEAD: Final = frozenset({"expired", "dying_link"})
_REST: Final = re.compile(r"bytes=([0-9]+)-")


def expired() -> Response:
    """What object storage says of a link that died."""
    return Response(_EXPIRED, 403, media_type="application/xml")


def link_is_dead(studio: Studio, job: Creation, index: int) -> bool:
    """Whether the link handed out now is one of those that the script kills; asked once for each link."""
    told = studio.behaviour(job)
    return told.result in _DEAD and studio.count("link", f"{job.id}.{index}") <= told.result_times


def hand_out(studio: Studio, request: Request, job: Creation, index: int) -> tuple[str, float]:
    """A link to a result, and when it is said to die; `dying_link` keeps quiet about its death."""
    told = studio.behaviour(job)
    dead = link_is_dead(studio, job, index)
    token, dies_at = studio.link(job, index, -1 if dead else told.link)
    said = studio.now() + told.link if dead and told.result == "dying_link" else dies_at
    return str(request.url_for("file", token=token)), said


async def deliver(studio: Studio, request: Request, job: Creation, index: int, elsewhere: str) -> Response:
    """A result file, or what its script makes of the first deliveries."""
    told = studio.behaviour(job)
    path = await studio.file(job, index)
    media_type = TYPES[job.work.suffix]
    spoilt = told.result if studio.count("result", f"{job.id}.{index}") <= told.result_times else None
    match spoilt:
        case "truncated":
            whole = path.read_bytes()
            headers = {"content-type": media_type, "content-length": str(len(whole))}
            return Gone(request, after=whole[: len(whole) // 2], headers=headers, cut=True)
        case "cut" | "no_range":
            return _cut(request, path, media_type)
        case "gzip":
            packed = gzip.compress(path.read_bytes())
            return Response(packed, headers={"content-encoding": "gzip"}, media_type=media_type)
        case "html" | "404" | "500":
            status, page, page_type = _PAGES[spoilt]
            return Response(page, status, media_type=page_type)
        case "slow":
            headers = {"content-length": str(path.stat().st_size)}
            return StreamingResponse(_slowly(path.read_bytes()), media_type=media_type, headers=headers)
        case "wrong_type":
            return _whole_or_part(path, "text/plain")
        case "redirect":
            return RedirectResponse(elsewhere, 302)
        case _ if told.result == "no_range":
            return Response(path.read_bytes(), headers={"etag": _etag(path)}, media_type=media_type)
        case _:
            return _whole_or_part(path, media_type)


def _whole_or_part(path: Path, media_type: str) -> Response:
    """As the client asks with Range and If-Range. The tag follows from the bytes, so a restart keeps it."""
    return FileResponse(path, headers={"etag": _etag(path)}, media_type=media_type)


def _cut(request: Request, path: Path, media_type: str) -> Response:
    """Half of what is asked for, and then the line breaks; what came can be trusted and continued."""
    whole, etag = path.read_bytes(), _etag(path)
    rest = _REST.fullmatch(request.headers.get("range", ""))
    start = int(rest[1]) if rest and request.headers.get("if-range", etag) == etag else 0
    start = start if start < len(whole) else 0
    headers = {"content-type": media_type, "accept-ranges": "bytes", "etag": etag}
    headers["content-length"] = str(len(whole) - start)
    if start:
        headers["content-range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
    half = whole[start : start + (len(whole) - start) // 2]
    return Gone(request, after=half, headers=headers, status=206 if start else 200, cut=True)


def _etag(path: Path) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'


async def _slowly(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), _SLOW_BYTES):
        yield whole[start : start + _SLOW_BYTES]
        await asyncio.sleep(1)
