"""The `/v1/videos` dialect: OpenAI's Videos API, which lives on in gateways after the original was shut down.

Shapes as in openai-python 3.54.0 (`resources/videos.py`, `types/video.py`), read 2026-11-21. The dialect has
no idempotency key and gateways have no list, so a lost submission cannot be found again.
"""

import base64
from datetime import date
from typing import Any

from schemas.capabilities import Kind, Mode, Model, ReferenceImages, Role
from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from schemas.task import ReferenceImage
from schemas.upstream import (
    Ask,
    Flow,
    Job,
    Observation,
    Part,
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

_SOURCE = "openai-python 3.54.0 types/video_create_params.py; what a gateway's own upstreams take may differ"
_READ = date(2026, 11, 21)
_SHUT_DOWN = date(2026, 9, 24)  # the original; gateways go on
_ONE_IMAGE = ReferenceImages(
    max=1,
    roles=(Role.FIRST_FRAME, Role.REFERENCE),
    formats=("image/jpeg", "image/png", "image/webp"),
)
_MODES = (Mode.TEXT, Mode.FIRST_FRAME, Mode.REFERENCE)

MODELS = (
    Model(
        name="sora-2",
        kind=Kind.VIDEO,
        modes=_MODES,
        sizes=("720x1280", "1280x720"),
        durations_s=(4, 8, 12),
        reference_images=_ONE_IMAGE,
        prompt_max=32000,
        audio="always",
        default_size="720x1280",
        default_duration_s=4,
        retires_on=_SHUT_DOWN,
        lives_on=True,
        source=_SOURCE,
        as_of=_READ,
    ),
    Model(
        name="sora-2-pro",
        kind=Kind.VIDEO,
        modes=_MODES,
        sizes=("720x1280", "1280x720", "1024x1792", "1792x1024"),
        durations_s=(4, 8, 12),
        reference_images=_ONE_IMAGE,
        prompt_max=32000,
        audio="always",
        default_size="720x1280",
        default_duration_s=4,
        retires_on=_SHUT_DOWN,
        lives_on=True,
        source=_SOURCE,
        as_of=_READ,
    ),
)

# The last five are what gateways let through from the vendors behind them.
STATES = {
    "queued": State.QUEUED,
    "in_progress": State.RUNNING,
    "completed": State.DONE,
    "failed": State.FAILED,
    "pending": State.QUEUED,
    "processing": State.RUNNING,
    "running": State.RUNNING,
    "succeeded": State.DONE,
    "cancelled": State.FAILED,
}

FAILURES = {
    "invalid_api_key": FailureKind.AUTH_INVALID,
    "model_not_found": FailureKind.MODEL_NOT_FOUND,
    "invalid_type": FailureKind.PARAMETER_INVALID,
    "invalid_value": FailureKind.PARAMETER_INVALID,
    "missing_required_parameter": FailureKind.PARAMETER_INVALID,
    "moderation_blocked": FailureKind.CONTENT_POLICY_INPUT,
    "content_policy_violation": FailureKind.CONTENT_POLICY_INPUT,
    "insufficient_quota": FailureKind.QUOTA_EXHAUSTED,
    "billing_hard_limit_reached": FailureKind.QUOTA_EXHAUSTED,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "server_error": FailureKind.UPSTREAM_INTERNAL,
    "internal_error": FailureKind.UPSTREAM_INTERNAL,
    "video_generation_failed": FailureKind.UPSTREAM_INTERNAL,
}

# Only these statuses, and only with the dialect's own error body, are taken for proof that nothing was made:
# a gateway tries several upstreams behind one 429 or 5xx, and one of them may have been paid. Of one that
# passes on the last 4xx this is not true; what happens behind a provider's door is not promised.
_CERTAIN = frozenset({400, 401, 402, 403, 404, 413, 422})


def submit(submission: Submission) -> Flow:
    """Multipart, as the SDK sends it: a form even where there is no file."""
    request = submission.request
    form = {"model": request.model, "prompt": request.prompt}
    if request.duration_s is not None:
        form["seconds"] = f"{request.duration_s:g}"
    if request.size is not None:
        form["size"] = request.size
    reply = yield _create(form, request.reference_images)
    if not reply.ok:
        failure = _failure(reply)
        certain = reply.status in _CERTAIN and isinstance(reply.at("error"), dict)
        return refused(reply, failure) if certain else unclear(reply, failure)
    status = reply.text("status")
    upstream_id = reply.text("id") or reply.text("task_id")
    return accepted(reply, upstream_id, status, STATES.get(status or ""))


def poll(job: Job) -> Flow:
    """The object says how far it is; the content has a path of its own, behind the same key."""
    reply = yield Ask("GET", f"/v1/videos/{part(job.id)}")
    status = reply.text("status")
    state = STATES.get(status or "")
    if not reply.ok or state is None:
        return unread(reply, status)
    # Gateways report moderated work as "completed" with an error and no video.
    if state is State.FAILED or (state is State.DONE and _says_error(reply)):
        return Observation(State.FAILED, status=status, failure=_failure(reply))
    progress = reply.at("progress")
    files = (RemoteFile(f"/v1/videos/{part(job.id)}/content", authenticated=True, type="video/mp4"),)
    return Observation(
        state,
        status=status,
        progress=progress if isinstance(progress, int) else None,
        files=files if state is State.DONE else (),
    )


def _create(form: dict[str, str], images: tuple[ReferenceImage, ...]) -> Ask:
    if not images:
        return Ask("POST", "/v1/videos", form=form, spends=True)
    image = images[0]
    if image.data is None:
        body: dict[str, Any] = form | {"input_reference": {"image_url": image.url}}
        return Ask("POST", "/v1/videos", json=body, spends=True)
    head, _, encoded = image.data.partition(",")
    media_type = head.removeprefix("data:").partition(";")[0]
    name = f"reference.{media_type.partition('/')[2]}"
    file = Part("input_reference", name, media_type, base64.b64decode(encoded))
    return Ask("POST", "/v1/videos", form=form, parts=(file,), spends=True)


def _says_error(reply: Reply) -> bool:
    """Some gateways send an empty error object with every success."""
    return any(reply.text(*path) for path in (("error",), ("error", "code"), ("error", "message")))


def _failure(reply: Reply) -> Failure:
    words = reply.text("error", "message") or reply.text("error") or reply.text("message")
    code = reply.text("error", "code") or reply.text("code")
    return failure_from(reply, FAILURES, code, words)


PROVIDER = Provider("openai_videos", MODELS, STATES, FAILURES, submit, poll, recovery=Recovery.NONE)
