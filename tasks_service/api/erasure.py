"""Erasing a customer's content, over HTTP."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from schemas.refusals import BodyTooLarge, NotFound, StateConflict
from tasks_service.api.context import Parts, TheirTask, Who, allow
from tasks_service.api.decisions import DECIDERS
from tasks_service.api.openapi import body_of, refusals
from tasks_service.api.problems import read
from tasks_service.api.query import Query
from tasks_service.api.replies import reply, seen_by
from tasks_service.api.views import TaskView
from tasks_service.decisions import Reason
from tasks_service.erasure import erase
from tasks_service.ledger.decisions import Said

router = APIRouter(prefix="/v1", tags=["tasks"])

_LARGEST = 16 << 10


class ErasureRequest(BaseModel):
    """Why: it becomes a part of the history, so it should not name what is erased."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: Reason


@router.post(
    "/tasks/{task_id}/erasure",
    response_model=TaskView,
    responses=refusals(NotFound, StateConflict, BodyTooLarge),
    openapi_extra=body_of(ErasureRequest),
)
async def post_erasure(request: Request, task: TheirTask, caller: Who, service: Parts) -> Response:
    """Erase what a task that is over was given, what it made, and the upstream's words; its facts stay."""
    Query(request, ()).check()
    allow(caller, DECIDERS, "erase content")
    wish = await read(ErasureRequest, request, _LARGEST)
    said = Said(f"person:{caller.key_id}", wish.reason)
    return reply(await seen_by(caller, service, await erase(service.ledger, service.artifacts, task, said)))
