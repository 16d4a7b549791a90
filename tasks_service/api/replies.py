"""Answers that went well: JSON, entity tags, and how soon to ask again."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from schemas.lifecycle import State
from schemas.providers import model_of
from schemas.task import Artifact, Task
from tasks_service.api.context import Service
from tasks_service.api.views import TaskView, task_view
from tasks_service.ledger.keys import Caller

# What is asked for all the time is a plain dict, the rest are models.
View = BaseModel | Mapping[str, Any]

_USUAL_PACE_S = 5.0
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
# Nothing is ours yet in these.
_WITHOUT_FILES = frozenset({State.SUBMITTED, State.QUEUED, State.RUNNING})


def json_of(view: View) -> bytes:
    """A view as JSON."""
    if isinstance(view, BaseModel):
        return view.model_dump_json().encode()
    try:
        return orjson.dumps(view)
    except TypeError:
        # An option may be a whole number of any length, and orjson writes those of 64 bits only.
        return _ANYTHING.dump_json(view)


def reply(view: View, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A view as an answer."""
    return Response(json_of(view), status, headers, "application/json")


def reply_tagged(request: Request, view: View, headers: Mapping[str, str]) -> Response:
    """A view with an entity tag, or 304 where the client has that one already."""
    body = json_of(view)
    # Of the bytes themselves, so that whatever changes the answer changes the tag.
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    all_headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization", **headers}
    if matches(request.headers.getlist("if-none-match"), tag):
        return Response(None, 304, all_headers)
    return Response(body, 200, all_headers, "application/json")


def matches(if_none_match: Sequence[str], tag: str) -> bool:
    """Whether one of the tags that a client has is this one, by weak comparison."""
    given = {part.strip().removeprefix("W/") for line in if_none_match for part in line.split(",")}
    return tag in given or "*" in given


async def seen_by(caller: Caller, service: Service, task: Task) -> TaskView:
    """A task with its files."""
    files = task.files
    if files is None:
        without = task.state in _WITHOUT_FILES
        files = () if without else await service.ledger.history.artifacts(task.id)
    return task_view(task, files, staff=caller.staff, base_url=service.settings.base_url)


def shown(caller: Caller, service: Service, task: Task, artifacts: Sequence[Artifact]) -> TaskView:
    """A task of a list, whose files are known already."""
    return task_view(task, artifacts, staff=caller.staff, base_url=service.settings.base_url, whole=False)


def pacing(task: Task) -> dict[str, str]:
    """When to look again: as often as we look at the upstream ourselves. Nothing where nothing can follow."""
    if task.state.final:
        return {}
    model = model_of(task.provider, task.model)
    age_s = (datetime.now(UTC) - task.created_at).total_seconds()
    pace_s = model.pace(max(age_s, 0)) if model else _USUAL_PACE_S
    return {"Retry-After": str(max(math.ceil(pace_s), 1))}
