"""Whether the process lives, whether it can accept work, and what it has counted."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from schemas.refusals import Overloaded
from tasks_service.api.context import Parts
from tasks_service.api.openapi import refusals
from tasks_service.api.readiness import Ready
from tasks_service.api.replies import reply

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: str


@router.get("/healthz", response_model=Alive, responses=refusals(always=()))
async def healthz() -> Response:
    """The process answers."""
    return reply(Alive(status="ok"))


@router.get("/readyz", response_model=Ready, responses=refusals(Overloaded, always=()))
async def readyz(request: Request, service: Parts) -> Response:
    """Whether a task could be accepted now."""
    seen = await service.readiness.look()
    if not seen.ready:
        bad = ", ".join(f"{name} is {words}" for name, words in seen.checks.items() if words != "ok")
        raise Overloaded(f"Not ready: {bad}.", members={"checks": seen.checks}, headers={"Retry-After": "2"})
    return reply(seen)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Counts"}},
)
async def metrics() -> Response:
    """What this process has counted, for Prometheus."""
    return Response(generate_latest(), 200, media_type=CONTENT_TYPE_LATEST)
