"""Everything that happened to a task, over HTTP."""

from datetime import datetime
from typing import Any, Literal, cast

from fastapi import APIRouter
from pydantic import ConfigDict, with_config
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from schemas.refusals import NotFound
from tasks_service.api.context import parts, reachable_task
from tasks_service.api.direct import Direct
from tasks_service.api.openapi import in_path, refusals
from tasks_service.api.query import Query
from tasks_service.api.replies import reply_tagged
from tasks_service.api.views import MomentText, rfc3339, without_addresses
from tasks_service.story import Entry, story

router = APIRouter(prefix="/v1", tags=["tasks"], route_class=Direct)

# They tell whose account we use.
_STAFF_ONLY = frozenset({"route", "method", "path"})


@with_config(ConfigDict(extra="allow"))
class HistoryEntry(TypedDict):
    """One thing that happened; each type has further members of its own."""

    at: MomentText
    seq: int
    type: Literal["state", "check", "call", "money", "artifact", "notification", "parked", "decision", "note"]
    actor: str


class HistoryView(TypedDict):
    """Oldest first."""

    data: list[HistoryEntry]


@router.get(
    "/tasks/{task_id}/history",
    response_model=HistoryView,
    responses=refusals(NotFound) | {304: {"description": "Nothing has changed"}},
    openapi_extra={"parameters": [in_path("task_id")]},
)
async def history(request: Request) -> Response:
    """Everything that happened to a task, oldest first."""
    service = parts(request)
    caller = await service.keyring.caller(request)
    task = await reachable_task(request.path_params["task_id"], service, caller)
    Query(request, ()).check()
    told = await story(service.ledger, task)
    return reply_tagged(
        request, HistoryView(data=[entry_view(found, staff=caller.staff) for found in told]), {}
    )


def entry_view(entry: Entry, *, staff: bool) -> HistoryEntry:
    """One entry as its customer sees it, or as staff does."""
    view: dict[str, Any] = {
        "at": rfc3339(entry.at),
        "seq": entry.seq,
        "type": entry.type,
        "actor": entry.actor,
    }
    if entry.type == "check":
        # Made before any upstream was asked: in our words, and where their image came from customers know.
        view.update(entry.facts)
    elif staff:
        view.update({name: _shown(value) for name, value in entry.facts.items()})
    else:
        facts = entry.facts.items()
        view.update({name: _withheld(value) for name, value in facts if name not in _STAFF_ONLY})
    return cast("HistoryEntry", view)


def _withheld(value: Any) -> Any:
    """Without the upstream's own addresses."""
    return without_addresses(value) if isinstance(value, str) else _shown(value)


def _shown(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value
