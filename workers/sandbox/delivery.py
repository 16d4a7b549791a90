"""Results on their way out: whole, or spoilt as the script says."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse

from workers.sandbox.ledger import Creation
from workers.sandbox.mischief import Gone
from workers.sandbox.studio import TYPES, Studio

_EXPIRED: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
    "<Message>Request has expired</Message><RequestId>SANDBOX0000000001</RequestId></Error>"
)
_SLOW_BYTES: Final = 1024


def expired() -> Response:
    """What object storage says of a link that died."""
    return Response(_EXPIRED, 403, media_type="application/xml")


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
        case "gzip":
            packed = gzip.compress(path.read_bytes())
            return Response(packed, headers={"content-encoding": "gzip"}, media_type=media_type)
        case "html":
            return HTMLResponse("<html><body>This file is being prepared.</body></html>")
        case "404":
            return Response("not found", 404, media_type="text/plain")
        case "500":
            return Response("internal error", 500, media_type="text/plain")
        case "slow":
            headers = {"content-length": str(path.stat().st_size)}
            return StreamingResponse(_slowly(path.read_bytes()), media_type=media_type, headers=headers)
        case "wrong_type":
            return FileResponse(path, media_type="text/plain")
        case "redirect":
            return RedirectResponse(elsewhere, 302)
        case _:
            return FileResponse(path, media_type=media_type)


async def _slowly(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), _SLOW_BYTES):
        yield whole[start : start + _SLOW_BYTES]
        await asyncio.sleep(1)
