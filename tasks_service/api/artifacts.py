"""The files of a task, as downloads that can be resumed and can do no harm in a browser."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from schemas.ids import task_id_text
from schemas.refusals import NotFound, RangeNotSatisfiable
from schemas.task import Artifact, Task
from tasks_service.api.context import Parts, Service, TheirTask
from tasks_service.api.openapi import header, refusals
from tasks_service.api.query import Query
from tasks_service.api.ranges import asked_range
from tasks_service.api.replies import matches
from tasks_service.artifacts import extension

router = APIRouter(prefix="/v1", tags=["artifacts"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE = {"content": {"image/*": _BINARY, "video/*": _BINARY, "application/octet-stream": _BINARY}}


class ArtifactGone(Exception):
    """The ledger knows a file that the store does not have; a person must look."""


@router.get(
    "/tasks/{task_id}/artifacts/{n}",
    response_class=Response,
    responses=refusals(NotFound, RangeNotSatisfiable)
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
    headers = _headers(task, found)
    if matches(request.headers.getlist("if-none-match"), headers["ETag"]):
        return Response(None, 304, headers)
    asked = None if request.state.head else _range(request, found)
    start, end = asked or (0, found.bytes)
    headers["Content-Length"] = str(end - start)
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.bytes}"
    status = 206 if asked else 200
    if request.state.head or start == end:
        return Response(None, status, headers, found.type)
    return await _stream(service, found, (start, end), status, headers)


def _range(request: Request, found: Artifact) -> tuple[int, int] | None:
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() != f'"{found.sha256}"':
        return None  # the client has a part of something else
    ranges = request.headers.getlist("range")
    return asked_range(ranges[0], found.bytes) if len(ranges) == 1 else None


async def _stream(
    service: Service, found: Artifact, part: tuple[int, int], status: int, headers: dict[str, str]
) -> Response:
    try:
        chunks = await service.artifacts.open(found.key, *part)
    except FileNotFoundError as error:
        raise ArtifactGone(found.key) from error
    return StreamingResponse(chunks, status, headers, found.type)


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
