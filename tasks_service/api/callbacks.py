"""Upstreams' callbacks: only a bell. What they say is not read; a look finds out what is true."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response
from structlog.stdlib import get_logger

from schemas.ids import task_id_text
from schemas.refusals import BodyTooLarge, NotFound, Overloaded
from tasks_service import metrics
from tasks_service.api.body import read_bytes
from tasks_service.api.context import Parts, Service
from tasks_service.api.openapi import refusals
from tasks_service.artifacts import StoreAway
from tasks_service.callbacks import TOKEN, Named

router = APIRouter(prefix="/v1", tags=["callbacks"])

log = get_logger()

_LARGEST = 64 << 10  # it is read to its end so that the connection can go on, and kept nowhere
# Of more nothing is read, and the connection ends: whoever sends slowly must not take all places.
_READ_AT_ONCE = 64
# Told, and not checked by the framework: whatever is no address of ours is answered alike.
_Route = Annotated[str, Path(json_schema_extra={"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"})]
_Token = Annotated[str, Path(json_schema_extra={"pattern": f"^{TOKEN.pattern}$"})]


@router.post(
    "/callbacks/{route}/{token}",
    status_code=204,
    response_class=Response,
    responses=refusals(NotFound, BodyTooLarge),
    openapi_extra={"security": []},
)
async def post_callback(request: Request, route: _Route, token: _Token, service: Parts) -> Response:
    """An upstream says that something has happened: its task is looked at now. The address is the proof."""
    named = await _named_by(service, route, token)
    if named is None:
        raise _unknown(service, route)
    read = await _is_read(service, route, request)
    polled, repeated = await service.bells.ring(named)
    if polled is None:
        raise _unknown(service, route)
    outcome = "repeated" if repeated else "rung" if polled else "not_polled"
    _count(service, route, outcome)
    if not repeated:
        log.info("callback", task_id=task_id_text(named.task_id), route=route, outcome=outcome)
    # Also of what is over: an upstream that is refused would say it again.
    return Response(None, 204, None if read else {"Connection": "close"})


async def _is_read(service: Service, route: str, request: Request) -> bool:
    """Whether the body was taken off the connection."""
    bells = service.bells
    if bells.reading >= _READ_AT_ONCE:
        return False
    bells.reading += 1
    try:
        await read_bytes(request, _LARGEST)
    except BodyTooLarge:
        _count(service, route, "too_large")
        raise
    finally:
        bells.reading -= 1
    return True


async def _named_by(service: Service, route: str, token: str) -> Named | None:
    try:
        return await service.callbacks.named_by(route, token)
    except StoreAway as away:
        detail = "The store cannot be reached for the moment. Try again."
        raise Overloaded(detail, headers={"Retry-After": "2"}) from away


def _unknown(service: Service, route: str) -> NotFound:
    _count(service, route, "unknown")
    return NotFound("There is nothing at this path.")


def _count(service: Service, route: str, outcome: str) -> None:
    known = any(route == one.name for one in service.settings.routes)
    metrics.CALLBACKS.labels(route if known else "unknown", outcome).inc()
