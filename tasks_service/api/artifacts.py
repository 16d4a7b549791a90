"""The files of a task, as downloads that can be resumed and can do no harm in a browser."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from structlog.stdlib import get_logger

from schemas.ids import task_id_text
from schemas.refusals import ArtifactUnavailable, ContentErased, NotFound, RangeNotSatisfiable
from schemas.task import Artifact, Task
from tasks_service.api.context import Parts, Service, TheirTask
from tasks_service.api.openapi import header, refusals
from tasks_service.api.query import Query
from tasks_service.api.ranges import asked_range
from tasks_service.api.replies import matches
from tasks_service.artifacts import StoreAway, extension

router = APIRouter(prefix="/v1", tags=["artifacts"])

log = get_logger()

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE = {"content": {"image/*": _BINARY, "video/*": _BINARY, "application/octet-stream": _BINARY}}


@router.get(
    "/tasks/{task_id}/artifacts/{n}",
    response_class=Response,
    responses=refusals(NotFound, ContentErased, RangeNotSatisfiable, ArtifactUnavailable)
    | {
        200: _FILE | {"description": "The file"},
        206: _FILE | {"description": "A part of the file"},
        304: {"description": "The client has it"},
    },
    openapi_extra={
        "parameters": [header(name, {"type": "string"}) for name in ("Range", "If-Range", "If-None-Match")]
    },
)
async def download(request: Request, task: TheirTask, n: str, service: Parts) -> Response:
    """A file of ours: whole, or one range of it."""
    Query(request, ()).check()
    found = next((one for one in await service.ledger.history.artifacts(task.id) if str(one.n) == n), None)
    if found is None:
        raise NotFound("The task has no artifact of this number.")
    if task.erased_at is not None:
        raise ContentErased("The file was erased on request; its digest is in the task's history.")
    headers = _headers(task, found)
    if matches(request.headers.getlist("if-none-match"), headers["ETag"]):
        return Response(None, 304, headers)
    asked = None if request.state.head else _range(request, found)
    start, end = asked or (0, found.bytes)
    headers["Content-Length"] = str(end - start)
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.bytes}"
    status = 206 if asked else 200
    if found.bytes:
        # The last byte, because a file that was cut short must not be announced whole.
        await _opened(service, found, found.bytes - 1, found.bytes)
    if request.state.head or start == end:
        return Response(None, status, headers, found.type)
    return StreamingResponse(await _opened(service, found, start, end), status, headers, found.type)


def _range(request: Request, found: Artifact) -> tuple[int, int] | None:
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() != f'"{found.sha256}"':
        return None  # the client has a part of something else
    ranges = request.headers.getlist("range")
    return asked_range(ranges[0], found.bytes) if len(ranges) == 1 else None


async def _opened(service: Service, found: Artifact, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        return await service.artifacts.open(found.key, start, end)
    except StoreAway as error:
        log.error("artifact_unavailable", key=found.key, bytes=found.bytes, error=str(error))
        detail = "We know the file, but its store cannot give it whole. We have been told; try again later."
        raise ArtifactUnavailable(detail, headers={"Retry-After": "60"}) from error


def _headers(task: Task, found: Artifact) -> dict[str, str]:
    name = f"{task_id_text(task.id)}-{found.n}.{extension(found.type)}"
    return {
        "Accept-Ranges": "bytes",
        "ETag": f'"{found.sha256}"',
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, max-age=31536000, immutable",
        "Vary": "Authorization",
    }
