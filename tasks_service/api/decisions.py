"""What a person decides about a task, over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.refusals import BodyTooLarge, NotFound, StateConflict
from tasks_service.api.context import Parts, TheirTask, Who, allow
from tasks_service.api.openapi import body_of, refusals
from tasks_service.api.problems import read
from tasks_service.api.query import Query
from tasks_service.api.replies import reply, seen_by
from tasks_service.api.views import TaskView
from tasks_service.decisions import DecisionRequest, decide

router = APIRouter(prefix="/v1", tags=["tasks"])

DECIDERS = ("operator", "admin")
_LARGEST = 16 << 10


@router.post(
    "/tasks/{task_id}/decisions",
    response_model=TaskView,
    responses=refusals(NotFound, StateConflict, BodyTooLarge),
    openapi_extra=body_of(DecisionRequest),
)
async def post_decision(request: Request, task: TheirTask, caller: Who, service: Parts) -> Response:
    """Decide what becomes of a task that waits for a person; who did and why becomes history."""
    Query(request, ()).check()
    allow(caller, DECIDERS, "decide about tasks")
    wish = await read(DecisionRequest, request, _LARGEST)
    # The key rather than the account: a decision has one person who answers for it.
    actor = f"person:{caller.key_id}"
    now = await decide(service.ledger, service.doorbell, task, wish, actor)
    return reply(await seen_by(caller, service, now))
