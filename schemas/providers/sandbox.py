"""Sandbox: the studio on this machine, for demos, tests and offline work (`workers/sandbox`).

It costs nothing and behaves as told: `options.behaviour` takes its script.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from schemas.capabilities import Kind, Model, Price, ReferenceImages, Role, Values
from schemas.failures import FailureKind
from schemas.lifecycle import State
from schemas.upstream import (
    Ask,
    Flow,
    Job,
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

_OPTIONS: Mapping[str, Values] = {"behaviour": "free"}
_FREE = (Price(amount=Decimal(0), currency="USD", per="task", source="it is a sandbox"),)


def _images(*roles: Role) -> ReferenceImages:
    return ReferenceImages(
        max=2,
        roles=roles,
        formats=("image/png", "image/jpeg", "image/webp"),
        max_bytes=10 << 20,
        total_bytes=16 << 20,
        side_min=16,
        side_max=4096,
        ratio_min=0.2,
        ratio_max=5,
    )


MODELS = (
    Model(
        name="sandbox-image-1",
        kind=Kind.IMAGE,
        ratios=("1:1", "16:9", "9:16", "4:3", "3:4"),
        n_max=4,
        seed=True,
        negative_prompt=True,
        watermark=True,
        prompt_max=2000,
        options=_OPTIONS,
        reference_images=_images(Role.REFERENCE, Role.STYLE),
        default_ratio="1:1",
        poll_min_s=0.3,
        poll_max_s=5,
        prices=_FREE,
        source="workers/sandbox",
    ),
    Model(
        name="sandbox-image-1-fast",
        kind=Kind.IMAGE,
        ratios=("1:1", "16:9", "9:16"),
        n_max=4,
        seed=True,
        prompt_max=2000,
        options=_OPTIONS,
        default_ratio="1:1",
        poll_min_s=0.2,
        poll_max_s=5,
        prices=_FREE,
        source="workers/sandbox",
    ),
    Model(
        name="sandbox-video-1",
        kind=Kind.VIDEO,
        ratios=("16:9", "9:16", "1:1"),
        resolutions=("240p", "360p"),
        durations_s=(2, 5, 10),
        seed=True,
        negative_prompt=True,
        watermark=True,
        prompt_max=2000,
        options=_OPTIONS,
        reference_images=_images(Role.FIRST_FRAME, Role.LAST_FRAME, Role.REFERENCE),
        default_ratio="16:9",
        default_resolution="360p",
        default_duration_s=5,
        poll_min_s=0.4,
        poll_max_s=5,
        prices=_FREE,
        source="workers/sandbox",
    ),
    Model(
        name="sandbox-video-1-lite",
        kind=Kind.VIDEO,
        ratios=("16:9", "9:16", "1:1"),
        durations_s=(2,),
        seed=True,
        prompt_max=2000,
        options=_OPTIONS,
        default_ratio="16:9",
        default_duration_s=2,
        poll_min_s=0.3,
        poll_max_s=5,
        prices=_FREE,
        source="workers/sandbox",
    ),
)

STATES = {"waiting": State.QUEUED, "rendering": State.RUNNING, "ready": State.DONE, "error": State.FAILED}

FAILURES = {
    "E401": FailureKind.AUTH_INVALID,
    "E402": FailureKind.QUOTA_EXHAUSTED,
    "E404": FailureKind.MODEL_NOT_FOUND,
    "E422": FailureKind.PARAMETER_INVALID,
    "E429": FailureKind.RATE_LIMITED,
    "E451": FailureKind.CONTENT_POLICY_INPUT,
    "E452": FailureKind.CONTENT_POLICY_OUTPUT,
    "E499": FailureKind.CANCELED,
    "E500": FailureKind.UPSTREAM_INTERNAL,
    "E503": FailureKind.UPSTREAM_OVERLOADED,
    "E504": FailureKind.TIMEOUT,
}

# The studio answers these before it writes anything to its ledger; an E500 proves nothing.
REFUSALS = frozenset(FAILURES) - {"E500", "E504"}

_PASSED_ON = (
    "model",
    "prompt",
    "negative_prompt",
    "ratio",
    "resolution",
    "duration_s",
    "n",
    "seed",
    "watermark",
)


def submit(submission: Submission) -> Flow:
    """The reference is an idempotency key there: sent again it creates nothing new."""
    reply = yield Ask("POST", "/sandbox/v1/jobs", json=_body(submission), spends=True)
    code = reply.text("error", "code")
    if not reply.ok:
        failure = failure_from(reply, FAILURES, code, reply.text("error", "message"))
        return refused(reply, failure) if code in REFUSALS else unclear(reply, failure)
    status = reply.text("status")
    return accepted(reply, reply.text("id"), status, STATES.get(status or ""))


def poll(job: Job) -> Flow:
    """One look says everything: state, progress, results and errors."""
    reply = yield Ask("GET", f"/sandbox/v1/jobs/{part(job.id)}")
    return _observed(reply)


def cancel(job: Job) -> Flow:
    """Possible only while the job waits."""
    reply = yield Ask("POST", f"/sandbox/v1/jobs/{part(job.id)}/cancel")
    return _observed(reply)


def _body(submission: Submission) -> dict[str, Any]:
    request = submission.request.model_dump(mode="json", exclude_none=True)
    body = {name: request[name] for name in _PASSED_ON if name in request}
    images = [
        {name: image[name] for name in ("role", "url", "data") if name in image}
        for image in request["reference_images"]
    ]
    return (
        body
        | request["options"]
        | {"reference": submission.reference}
        | ({"images": images} if images else {})
        | ({"callback_url": submission.callback_url} if submission.callback_url else {})
    )


def _observed(reply: Reply) -> Observation:
    status = reply.text("status")
    state = STATES.get(status or "")
    if not reply.ok or state is None:
        return unread(reply, status)
    progress = reply.at("progress")
    if state is State.FAILED:
        failure = failure_from(reply, FAILURES, reply.text("error", "code"), reply.text("error", "message"))
        return Observation(state, status=status, failure=failure)
    files = _files(reply.at("results")) if state is State.DONE else ()
    # "ready" without a result is not a success yet: look again.
    if state is State.DONE and not files:
        return unread(reply, status)
    return Observation(
        state, status=status, progress=progress if isinstance(progress, int) else None, files=files
    )


def _files(results: Any) -> tuple[RemoteFile, ...]:
    rows = results if isinstance(results, list) else []
    return tuple(
        RemoteFile(row["url"], type=row.get("type"), expires_at=_time(row.get("expires_at")))
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("url"), str)
    )


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


PROVIDER = Provider(
    "sandbox",
    MODELS,
    STATES,
    FAILURES,
    submit,
    poll,
    cancel=cancel,
    recovery=Recovery.IDEMPOTENCY_KEY,
    calls_back=True,
)
