"""A task as the API shows it. What only staff may see is decided here.

What is asked for all the time is a plain dict: to validate what we have just built would cost more than to
build it. The types describe it in the OpenAPI document, and to whoever checks types.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema
from typing_extensions import TypedDict

from schemas.capabilities import Kind
from schemas.failures import (
    MEANINGS,
    Answer,
    Failure,
    FailureKind,
    Layer,
    Mover,
    Sort,
    may_send_again,
    was_spent,
)
from schemas.fingerprint import as_json
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, State
from schemas.task import Artifact, Task
from tasks_service.diagnosis import DiagnosisView, by_words, diagnosis

# In JSON inside JSON slashes come with backslashes, in query strings with percent signs.
_ADDRESS = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,15}(?::|%3a)(?:\\*+/|\\++u002f|%2f){2}[^\s\"'<>]*+")


def without_addresses(text: str) -> str:
    """An upstream's words as customers read them: whoever knows its addresses can take the files there."""
    # Every address has one of these; most words hold none, and are not gone through letter by letter.
    if ":/" in text or ":\\" in text or ":%" in text or "%3" in text:
        return _ADDRESS.sub("[address withheld]", text)
    return text


@lru_cache(maxsize=1024)  # all checks of a task have the same
def rfc3339(moment: datetime) -> str:
    """UTC, with milliseconds and Z."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # orjson takes a fifth of the time of isoformat(); it writes microseconds, and not where they are 0.
    seconds = orjson.dumps(in_utc)[1:20].decode()
    return f"{seconds}.{in_utc.microsecond // 1000:03}Z"


_DATE_TIME = WithJsonSchema({"type": "string", "format": "date-time"})
Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str), _DATE_TIME]
MomentText = Annotated[str, _DATE_TIME]


class View(BaseModel):
    """Something on its way out."""

    model_config = ConfigDict(frozen=True)


class UpstreamWords(TypedDict):
    """What the upstream said, as it said it."""

    status: int | None
    code: str | None
    message: str
    request_id: str | None


class FailureView(TypedDict):
    """Why a task failed, for people in two languages, beside the upstream's own words."""

    kind: FailureKind
    message_zh: str
    message_en: str
    upstream: UpstreamWords
    retryable: bool
    spent: Answer
    whose_move: Mover
    group: str | None
    sort: Sort
    layer: Layer
    diagnosis: DiagnosisView | None  # null in lists, where it would be said a hundred times


class ParkedView(TypedDict):
    """Why a person should look."""

    reason: Parked
    since: MomentText


class ArtifactView(TypedDict):
    """A file that is ours."""

    n: int
    type: str
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration_s: float | None
    url: str


class UpstreamView(TypedDict):
    """Where the work is done; the route is for staff."""

    route: str | None
    provider: str
    id: str | None
    url_expires_at: MomentText | None


class TaskView(TypedDict):
    """A task."""

    id: str
    state: State
    kind: Kind
    model: str
    request: dict[str, Any]
    progress: int | None
    parked: ParkedView | None
    failure: FailureView | None
    artifacts: list[ArtifactView]
    upstream: UpstreamView
    charge: None
    retry_of: None
    account: str
    key: str
    external_id: str | None
    metadata: dict[str, str]
    created_at: MomentText
    submitted_at: MomentText
    queued_at: MomentText | None
    running_at: MomentText | None
    finished_at: MomentText | None
    downloaded_at: MomentText | None
    cancel_requested_at: MomentText | None
    erased_at: MomentText | None


# Its first name is a word of Python's own.
UnderstoodView = TypedDict("UnderstoodView", {"as": str, "value": str})
UnderstoodView.__doc__ = "One thing that was recognised in `q`: `as` says what it is."


class PageView(TypedDict):
    """One page of a list; `next` is the `after` of the page that follows."""

    understood: list[UnderstoodView]
    data: list[TaskView]
    has_more: bool
    next: str | None


def task_view(
    task: Task, artifacts: Sequence[Artifact], *, staff: bool, base_url: str, whole: bool = True
) -> TaskView:
    """A task as its customer sees it, or as staff does; `whole` with all that is known of its failure."""
    name = task_id_text(task.id)
    created_at = rfc3339(task.created_at)
    return TaskView(
        id=name,
        state=task.state,
        kind=task.kind,
        model=task.model,
        request=_shown(as_json(task.request)),
        progress=task.progress,
        parked=ParkedView(reason=task.parked, since=rfc3339(task.parked_at))
        if task.parked and task.parked_at
        else None,
        failure=_failure_view(task, task.failure, staff=staff, late=bool(artifacts), whole=whole)
        if task.failure
        else None,
        artifacts=[_artifact_view(found, f"{base_url}/v1/tasks/{name}/artifacts") for found in artifacts],
        upstream=UpstreamView(
            # Its name tells whose account we use.
            route=task.route if staff else None,
            provider=task.provider,
            id=task.upstream_id,
            url_expires_at=_text(task.result_expires_at),
        ),
        charge=None,
        retry_of=None,
        account=task.account,
        key=task.key_id,
        external_id=task.external_id,
        metadata=task.request.metadata,
        created_at=created_at,
        submitted_at=created_at,
        queued_at=_text(task.queued_at),
        running_at=_text(task.running_at),
        finished_at=_text(task.finished_at),
        downloaded_at=_text(task.downloaded_at),
        cancel_requested_at=_text(task.cancel_requested_at),
        erased_at=_text(task.erased_at),
    )


def _text(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


def _failure_view(task: Task, failure: Failure, *, staff: bool, late: bool, whole: bool) -> FailureView:
    """A failure in words; `late` where its result came all the same, and so was paid for."""
    meaning = MEANINGS[failure.kind]
    return FailureView(
        kind=failure.kind,
        message_zh=meaning.zh,
        message_en=meaning.en,
        upstream=UpstreamWords(
            status=failure.status,
            code=failure.code,
            message=failure.message if staff else without_addresses(failure.message),
            request_id=failure.request_id,
        ),
        retryable=not late and may_send_again(failure.kind, task.spend),
        spent=Answer.YES if late else was_spent(failure.kind, task.spend),
        whose_move=meaning.whose_move,
        group=task.failure_group,
        sort=meaning.sort,
        layer=meaning.layer,
        diagnosis=diagnosis(failure.kind, by_words(failure)) if whole else None,
    )


def _artifact_view(found: Artifact, folder: str) -> ArtifactView:
    return ArtifactView(
        n=found.n,
        type=found.type,
        bytes=found.bytes,
        sha256=found.sha256,
        width=found.width,
        height=found.height,
        duration_s=found.duration_s,
        url=f"{folder}/{found.n}",
    )


def _shown(request: dict[str, Any]) -> dict[str, Any]:
    """Inline images by their digest: megabytes in every answer would tell nobody anything."""
    for image in request.get("reference_images", ()):
        kind, mark, content = image.get("data", "").partition(";base64,")
        if mark:
            digest = hashlib.sha256(content.encode()).hexdigest()
            image["data"] = f"{kind};sha256={digest};characters={len(content)}"
    return request
