"""Seedance at Volcengine Ark; a route's base URL ends in `/api/v3`, as the SDK's does.

Shapes as in volcengine-ark-runtime 5.0.54 (`resources/content_generation/tasks.py`), codes as in Ark's table
of errors (volcengine.com/docs/82379/1299023), read 2026-11-21. Creating takes no key against doing it twice.
Our reference goes out as `safety_identifier`, which the task object gives back: so a lost task can be told
from all others in the list of the last seven days, but no search promises to find it.
"""

import json
from collections.abc import Mapping
from typing import Any

from schemas.capabilities import Role
from schemas.catalogue.ark_seedance import MODELS
from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from schemas.task import ReferenceImage
from schemas.upstream import (
    Ask,
    Flow,
    Job,
    Lost,
    Observation,
    Provider,
    Recovery,
    RemoteFile,
    Reply,
    Submission,
    accepted,
    failure_from,
    part,
    refused,
    unclear,
    unread,
)

# `pending` and `processing` come from gateways that speak the dialect.
STATES = {
    "queued": State.QUEUED,
    "pending": State.QUEUED,
    "running": State.RUNNING,
    "processing": State.RUNNING,
    "succeeded": State.DONE,
    "failed": State.FAILED,
    "expired": State.FAILED,
    "cancelled": State.FAILED,
}
_ENDINGS = {"expired": FailureKind.TASK_EXPIRED, "cancelled": FailureKind.CANCELED}

_F = FailureKind
# A code has suffixes after a dot; one that is not here itself means what stands before its first dot.
FAILURES = {
    "MissingParameter": _F.PARAMETER_INVALID,
    "InvalidParameter": _F.PARAMETER_INVALID,
    "InvalidParameter.OversizedImage": _F.REFERENCE_IMAGE_INVALID,
    "InvalidParameter.UnsupportedImageFormat": _F.REFERENCE_IMAGE_INVALID,
    "InvalidParameter.UnsupportedModel": _F.MODEL_NOT_FOUND,
    "InvalidEndpoint": _F.MODEL_NOT_FOUND,
    "InputTextSensitiveContentDetected": _F.CONTENT_POLICY_INPUT,
    "InputImageSensitiveContentDetected": _F.CONTENT_POLICY_INPUT,
    "InputVideoSensitiveContentDetected": _F.CONTENT_POLICY_INPUT,
    "InputAudioSensitiveContentDetected": _F.CONTENT_POLICY_INPUT,
    "InputTextRiskDetection": _F.CONTENT_POLICY_INPUT,
    "InputImageRiskDetection": _F.CONTENT_POLICY_INPUT,
    "SensitiveContentDetected": _F.CONTENT_POLICY_INPUT,
    "OutputTextSensitiveContentDetected": _F.CONTENT_POLICY_OUTPUT,
    "OutputImageSensitiveContentDetected": _F.CONTENT_POLICY_OUTPUT,
    "OutputVideoSensitiveContentDetected": _F.CONTENT_POLICY_OUTPUT,
    "OutputAudioSensitiveContentDetected": _F.CONTENT_POLICY_OUTPUT,
    "OutputTextRiskDetection": _F.CONTENT_POLICY_OUTPUT,
    "OutputImageRiskDetection": _F.CONTENT_POLICY_OUTPUT,
    "ContentSecurityDetectionError": _F.UPSTREAM_INTERNAL,
    "AuthenticationError": _F.AUTH_INVALID,
    "AccessDenied": _F.PERMISSION_DENIED,
    "OperationDenied": _F.PERMISSION_DENIED,
    "OperationDenied.ServiceOverdue": _F.QUOTA_EXHAUSTED,
    "AccountOverdueError": _F.QUOTA_EXHAUSTED,
    "InvalidEndpointOrModel": _F.MODEL_NOT_FOUND,
    "InvalidEndpointOrModel.ModelIDAccessDisabled": _F.PERMISSION_DENIED,
    "ModelNotOpen": _F.MODEL_NOT_FOUND,
    "RateLimitExceeded": _F.RATE_LIMITED,
    "ModelAccountRpmRateLimitExceeded": _F.RATE_LIMITED,
    "ModelAccountTpmRateLimitExceeded": _F.RATE_LIMITED,
    "ModelAccountIpmRateLimitExceeded": _F.RATE_LIMITED,
    "APIAccountRpmRateLimitExceeded": _F.RATE_LIMITED,
    "AccountRateLimitExceeded": _F.RATE_LIMITED,
    "RequestBurstTooFast": _F.RATE_LIMITED,
    "InflightBatchsizeExceeded": _F.RATE_LIMITED,
    "QuotaExceeded": _F.QUOTA_EXHAUSTED,  # or too many in the queue; see _kind
    "SetLimitExceeded": _F.QUOTA_EXHAUSTED,
    "ServerOverloaded": _F.UPSTREAM_OVERLOADED,
    "ModelLoadingError": _F.UPSTREAM_OVERLOADED,
    "InternalServiceError": _F.UPSTREAM_INTERNAL,
}

# Which of them are checks made at the door, each with the only HTTP status that Ark's table gives it.
# Not so: results withheld (`Output...`), a moderation service that broke down, and all that Ark excuses with
# the state of its own machines (ServerOverloaded, ModelLoadingError, InternalServiceError): its table asks to
# try later, and says of none of them that the request was not taken.
_CERTAIN: Mapping[str, int] = {
    **dict.fromkeys(("MissingParameter", "InvalidParameter", "InvalidEndpoint"), 400),
    **dict.fromkeys((code for code, kind in FAILURES.items() if kind is _F.CONTENT_POLICY_INPUT), 400),
    "AuthenticationError": 401,
    **dict.fromkeys(("AccessDenied", "OperationDenied", "AccountOverdueError"), 403),
    **dict.fromkeys(("InvalidEndpointOrModel", "ModelNotOpen"), 404),
    **dict.fromkeys((code for code, kind in FAILURES.items() if kind is _F.RATE_LIMITED), 429),
    **dict.fromkeys(("QuotaExceeded", "SetLimitExceeded"), 429),
}

_TASKS = "/contents/generations/tasks"
_PAGE, _MOST_PAGES = 100, 20
_ROLES = {
    Role.FIRST_FRAME: "first_frame",
    Role.LAST_FRAME: "last_frame",
    Role.REFERENCE: "reference_image",
}


def submit(submission: Submission) -> Flow:
    """The answer is an id and nothing else."""
    reply = yield Ask("POST", _TASKS, json=_body(submission), spends=True)
    if not reply.ok:
        family = (reply.text("error", "code") or "").partition(".")[0]
        certain = _CERTAIN.get(family) == reply.status
        return refused(reply, _failure(reply)) if certain else unclear(reply, _failure(reply))
    return _taken(reply)


def poll(job: Job) -> Flow:
    """One look says everything; a task that seems to be gone is asked for in the list as well."""
    reply = yield Ask("GET", f"{_TASKS}/{part(job.id)}")
    if reply.status != 404 or not isinstance(reply.json, dict):
        return _seen(reply)
    listed = yield Ask("GET", _TASKS, query={"filter.task_ids": job.id})
    items = _items(listed)
    if items is None:
        # A list that is not found is a wrong address, and no word about this task.
        return unread(listed, kind=FailureKind.UNKNOWN if listed.status == 404 else _kind(listed))
    known = next((item for item in items if item.text("id") == job.id), None)
    return _seen(known) if known else unread(reply, kind=FailureKind.TASK_NOT_FOUND)


def cancel(job: Job) -> Flow:
    """Possible only while it waits; deleting what is finished would delete its record and its result."""
    seen = yield from poll(job)
    if seen.state is not State.QUEUED:
        return seen
    yield Ask("DELETE", f"{_TASKS}/{part(job.id)}", json={})
    return (yield from poll(job))


def lookup(lost: Lost) -> Flow:
    """Through the list, page by page, until our reference is seen.

    The order of the list is nowhere promised, so a page without it says nothing of the next one; and not even
    the last page proves that there is no task.
    """
    page = counted = 0
    while True:
        page += 1
        query = {"page_num": str(page), "page_size": str(_PAGE), "filter.model": lost.model.name}
        reply = yield Ask("GET", _TASKS, query=query)
        items = _items(reply)
        if items is None:
            return unclear(reply, _failure(reply))
        ours = {item.text("id"): item for item in items if item.text("safety_identifier") == lost.reference}
        if len(ours) > 1:
            return unclear(
                reply, Failure(_F.UNKNOWN, f"{len(ours)} tasks bear the reference {lost.reference}")
            )
        if ours:
            return _taken(ours.popitem()[1])
        counted += len(items)
        if page == _MOST_PAGES or not _goes_on(reply, len(items), counted):
            none = Failure(_F.TASK_NOT_FOUND, f"no task in the list bears the reference {lost.reference}")
            return unclear(reply, none)


def _body(submission: Submission) -> dict[str, Any]:
    request = submission.request
    # Options first: what we say ourselves cannot be overwritten.
    body: dict[str, Any] = dict(request.options)
    content = [{"type": "text", "text": request.prompt}]
    body |= {"model": request.model, "content": content + [_image(one) for one in request.reference_images]}
    body["safety_identifier"] = submission.reference
    if submission.callback_url is not None:
        body["callback_url"] = submission.callback_url
    ours = {
        "ratio": request.ratio,
        "resolution": request.resolution,
        "duration": None if request.duration_s is None else int(request.duration_s),
        "seed": request.seed,
        "watermark": request.watermark,
        "generate_audio": request.audio,
    }
    return body | {name: value for name, value in ours.items() if value is not None}


def _image(image: ReferenceImage) -> dict[str, Any]:
    address = image.url or image.data
    return {"type": "image_url", "image_url": {"url": address}, "role": _ROLES[image.role]}


def _goes_on(reply: Reply, on_this_page: int, so_far: int) -> bool:
    total = reply.at("total")
    return on_this_page > 0 and (so_far < total if isinstance(total, int) else on_this_page == _PAGE)


def _items(reply: Reply) -> list[Reply] | None:
    """The tasks of a list, each as if it had been asked for alone; None where the answer is no list."""
    items = reply.at("items")
    if not reply.ok or not isinstance(items, list):
        return None
    return [Reply(reply.status, reply.headers, json.dumps(item).encode()) for item in items]


def _taken(reply: Reply) -> Observation:
    status = reply.text("status")
    return accepted(reply, reply.text("id"), status, STATES.get(status or ""))


def _seen(reply: Reply) -> Observation:
    status = reply.text("status")
    state = STATES.get(status or "")
    if not reply.ok:
        return unread(reply, kind=_kind(reply))
    if state is State.FAILED:
        return Observation(state, status=status, failure=_failure(reply, _ENDINGS.get(status or "")))
    files = _files(reply) if state is State.DONE else ()
    # Finished without a film is not a success yet: look again.
    if state is None or (state is State.DONE and not files):
        return unread(reply, status)
    return Observation(state, status=status, files=files)


def _files(reply: Reply) -> tuple[RemoteFile, ...]:
    film = reply.text("content", "video_url")
    last = reply.text("content", "last_frame_url")
    return tuple(RemoteFile(url) for url in (film, last) if url) if film else ()


def _failure(reply: Reply, kind: FailureKind | None = None) -> Failure:
    code = reply.text("error", "code")
    meant = kind or _kind(reply) or FailureKind.UNKNOWN
    return failure_from(reply, {code or "": meant}, code, reply.text("error", "message"))


def _kind(reply: Reply) -> FailureKind | None:
    code, words = reply.text("error", "code") or "", reply.text("error", "message") or ""
    if code == "QuotaExceeded" and ("queue" in words.casefold() or "排队" in words):
        return FailureKind.RATE_LIMITED
    return FAILURES.get(code) or FAILURES.get(code.partition(".")[0])


PROVIDER = Provider(
    "ark_seedance",
    MODELS,
    STATES,
    FAILURES,
    submit,
    poll,
    cancel=cancel,
    recovery=Recovery.LIST_RECENT,
    recovery_window_s=7 * 86400,  # what the list goes back to
    lookup=lookup,
    result_life_s=86400,
    calls_back=True,
)
