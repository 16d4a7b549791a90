"""A task's evidence as one file, over HTTP."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from schemas.ids import task_id_text
from schemas.redaction import Redactor
from schemas.refusals import NotFound
from schemas.task import Task
from tasks_service.api.context import Parts, TheirTask, Who
from tasks_service.api.history import HistoryEntry, entry_view
from tasks_service.api.openapi import query, refusals
from tasks_service.api.query import Query
from tasks_service.api.views import Moment, TaskView, task_view, without_addresses
from tasks_service.bundle import as_json, as_markdown, as_zip, bundle
from tasks_service.explanation import Language, explain, last_words
from tasks_service.ledger.ledger import Ledger
from tasks_service.settings import Settings
from tasks_service.story import story

router = APIRouter(prefix="/v1", tags=["tasks"])

FORMATS = ("json", "md", "zip")
_TEXT, _BINARY = {"type": "string"}, {"type": "string", "format": "binary"}
_TYPES = {"json": "application/json", "md": "text/markdown; charset=utf-8", "zip": "application/zip"}


class BundleView(BaseModel):
    """Everything that is on record about a task, redacted, and in words; `as_of` is the latest of it."""

    model_config = ConfigDict(frozen=True)

    format: str
    as_of: Moment
    task: TaskView
    explanation: dict[Language, dict[str, str]]
    checks: list[HistoryEntry]
    states: list[HistoryEntry]
    calls: list[HistoryEntry]
    notes: list[HistoryEntry]
    artifacts: list[HistoryEntry]


@router.get(
    "/tasks/{task_id}/bundle",
    response_model=BundleView,
    responses=refusals(NotFound)
    | {
        200: {
            "description": "The evidence: `json`, `md` for people, or `zip` with both",
            "content": {"text/markdown": {"schema": _TEXT}, "application/zip": {"schema": _BINARY}},
        }
    },
    openapi_extra={
        "parameters": [query("format", {"type": "string", "enum": [*FORMATS], "default": "json"})]
    },
)
async def evidence(request: Request, task: TheirTask, caller: Who, service: Parts) -> Response:
    """Everything on record about a task as one file: the same record gives the same bytes."""
    asked = Query(request, ("format",))
    form = asked.one_of("format", FORMATS) or "json"
    asked.check()
    found = await gather(service.ledger, task, service.settings, staff=caller.staff)
    disposition = "inline" if form == "json" else "attachment"
    name = f"{task_id_text(task.id)}.{form}"
    headers = {"Content-Disposition": f'{disposition}; filename="{name}"'}
    return Response(packed(found, form), 200, headers, _TYPES[form])


async def gather(ledger: Ledger, task: Task, settings: Settings, *, staff: bool) -> dict[str, Any]:
    """The evidence as its customer may have it, or as staff does."""
    entries = await story(ledger, task)
    artifacts = await ledger.history.artifacts(task.id)
    notes = await ledger.history.notes(task.id)
    said = last_words(await ledger.history.calls(task.id))
    # Of the record, not of now: so that it can be compared.
    as_of = max([task.created_at, *(entry.at for entry in entries)])
    explained = {
        language.value: {
            point.question: point.answer if staff else without_addresses(point.answer)
            for point in explain(task, len(artifacts), said, as_of, language, notes)
        }
        for language in Language
    }
    view = task_view(task, artifacts, staff=staff, base_url=settings.base_url)
    told = [entry_view(entry, staff=staff) for entry in entries]
    return bundle(view, told, explained, Redactor(settings.secrets()))


def packed(found: dict[str, Any], form: str) -> bytes:
    """The evidence in one of its forms."""
    if form == "zip":
        return as_zip(found)
    return (as_markdown(found) if form == "md" else as_json(found)).encode()
