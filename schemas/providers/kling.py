"""Kling's classic API: text2video, image2video, omni-video, images/generations and omni-image.

Shapes, codes and limits as in Kling's API reference (app.klingai.com/global/dev; its pages on the general
rules, on the endpoints and on error codes) and in QuantumNous/new-api (`plugins/tasks/kling`, commit
2f6bf06b), read 2026-11-21. A task is known only under the endpoint that took it. Our reference goes out as
`external_task_id`, which has to be unique in an account and can be asked for in place of the task's own id.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from schemas.catalogue.kling import VIDEOS
from schemas.catalogue.kling_images import IMAGES
from schemas.catalogue.kling_omni import OMNI_IMAGES, OMNI_VIDEOS
from schemas.dialects.kling_bodies import TEXT, body_of, endpoint
from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
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
    absent,
    accepted,
    bearer,
    failure_from,
    part,
    refused,
    unclear,
    unread,
)

MODELS = VIDEOS + OMNI_VIDEOS + IMAGES + OMNI_IMAGES

# The classic API says "succeed", the newer one "succeeded".
STATES = {
    "submitted": State.QUEUED,
    "processing": State.RUNNING,
    "succeed": State.DONE,
    "succeeded": State.DONE,
    "failed": State.FAILED,
}

FAILURES = {
    "1000": FailureKind.AUTH_INVALID,
    "1001": FailureKind.AUTH_INVALID,
    "1002": FailureKind.AUTH_INVALID,
    "1003": FailureKind.AUTH_INVALID,  # not valid yet: a clock is wrong
    "1004": FailureKind.AUTH_INVALID,  # no longer valid: the same
    "1100": FailureKind.ACCOUNT_SUSPENDED,
    "1101": FailureKind.QUOTA_EXHAUSTED,
    "1102": FailureKind.QUOTA_EXHAUSTED,  # although it comes as 429
    "1103": FailureKind.PERMISSION_DENIED,
    "1200": FailureKind.PARAMETER_INVALID,
    "1201": FailureKind.PARAMETER_INVALID,
    "1202": FailureKind.PARAMETER_INVALID,
    "1203": FailureKind.MODEL_NOT_FOUND,
    "1300": FailureKind.CONTENT_POLICY_INPUT,
    "1301": FailureKind.CONTENT_POLICY_INPUT,
    "1302": FailureKind.RATE_LIMITED,
    "1303": FailureKind.RATE_LIMITED,
    "1304": FailureKind.PERMISSION_DENIED,
    "5000": FailureKind.UPSTREAM_INTERNAL,
    "5001": FailureKind.UPSTREAM_OVERLOADED,
    "5002": FailureKind.TIMEOUT,
}

# Checks that Kling makes before it creates anything, with the HTTP status that its page on error codes gives
# to each. With another status somebody in between has spoken. 5000, 5001 and 5002 prove nothing.
_CERTAIN: Mapping[str, int] = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004"), 401),
    **dict.fromkeys(("1100", "1101", "1102"), 429),
    "1103": 403,
    **dict.fromkeys(("1200", "1201"), 400),
    **dict.fromkeys(("1202", "1203"), 404),
    **dict.fromkeys(("1300", "1301"), 400),
    **dict.fromkeys(("1302", "1303", "1304"), 429),
}
_NOT_THERE = "1203"

_TOKEN_LIFE_S, _SLOW_CLOCK_S = 1800, 5


def sign(credential: str, ask: Ask, now: datetime) -> Mapping[str, str]:
    """`AK|SK` makes a JSON Web Token, as Kling's page on authentication has it; other keys go as they are."""
    access, bar, secret = credential.partition("|")
    if not bar:
        return bearer(credential, ask, now)
    moment = int(now.timestamp())
    claims = {"iss": access, "exp": moment + _TOKEN_LIFE_S, "nbf": moment - _SLOW_CLOCK_S}
    signed = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(claims)}"
    seal = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return bearer(f"{signed}.{_base64url(seal)}", ask, now)


def submit(submission: Submission) -> Flow:
    """The reference guards too: a second request with the same one is refused."""
    reply = yield Ask("POST", endpoint(submission.request), json=body_of(submission), spends=True)
    if not _fine(reply):
        failure, code = _failure(reply), _code(reply) or ""
        certain = code in _CERTAIN and reply.status in (200, _CERTAIN[code])
        # It may be about the reference: then an earlier request with it has created a task.
        if _names_the_reference(submission.reference, reply):
            return replace(unclear(reply, failure), reference_taken=True)
        return refused(reply, failure) if certain else unclear(reply, failure)
    return _taken(reply)


def poll(job: Job) -> Flow:
    """One look says everything. A task that failed has words and no code."""
    reply = yield Ask("GET", f"{job.endpoint or TEXT}/{part(job.id)}")
    if not _fine(reply):
        code = _code(reply)
        # Any other 404 is a proxy's or a wrong address: it says nothing about the task.
        kind = FailureKind.TASK_NOT_FOUND if code == _NOT_THERE else FAILURES.get(code or "")
        return unread(reply, kind=kind or (FailureKind.UNKNOWN if reply.status == 404 else None))
    status = reply.text("data", "task_status")
    state = STATES.get(status or "")
    if state is State.FAILED:
        failure = failure_from(reply, FAILURES, None, reply.text("data", "task_status_msg"))
        return Observation(state, status=status, failure=failure)
    files = _files(reply) if state is State.DONE else ()
    if state is None or (state is State.DONE and not files):
        return unread(reply, status)
    return Observation(state, status=status, files=files)


def lookup(lost: Lost) -> Flow:
    """The reference in place of the id, as the endpoints' pages on queries allow.

    Only Kling's own "no such resource" counts as a no.
    """
    reply = yield Ask("GET", f"{endpoint(lost.request)}/{part(lost.reference)}")
    if reply.status == 404 and _code(reply) == _NOT_THERE:
        return absent(reply)
    if not _fine(reply):
        return unclear(reply, _failure(reply))
    named = reply.text("data", "task_info", "external_task_id")
    # Somebody else's task would be worse than none.
    return _taken(reply) if named in (None, lost.reference) else unclear(reply)


def _taken(reply: Reply) -> Observation:
    status = reply.text("data", "task_status")
    return accepted(reply, reply.text("data", "task_id"), status, STATES.get(status or ""))


def _files(reply: Reply) -> tuple[RemoteFile, ...]:
    made = [reply.at("data", "task_result", name) for name in ("videos", "images")]
    rows = [row for some in made if isinstance(some, list) for row in some if isinstance(row, dict)]
    return tuple(RemoteFile(row["url"]) for row in rows if isinstance(row.get("url"), str) and row["url"])


def _fine(reply: Reply) -> bool:
    """Whatever the HTTP status: a code that is not 0 is an error."""
    return reply.ok and _code(reply) == "0"


def _code(reply: Reply) -> str | None:
    code = reply.at("code")
    return str(code) if isinstance(code, int | str) and not isinstance(code, bool) else None


def _failure(reply: Reply) -> Failure:
    return failure_from(reply, FAILURES, _code(reply), reply.text("message"))


def _names_the_reference(reference: str, reply: Reply) -> bool:
    """Its words are asked, because no source gives a refusal of a used reference a code of its own."""
    words = (reply.text("message") or "").casefold()
    plain = "".join(letter for letter in words if letter.isalnum())
    return reference.casefold() in words or "externaltask" in plain or "外部任务" in plain


def _packed(claims: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(claims, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


PROVIDER = Provider(
    "kling",
    MODELS,
    STATES,
    FAILURES,
    submit,
    poll,
    recovery=Recovery.LOOKUP_BY_REFERENCE,
    recovery_window_s=30 * 86400,
    lookup=lookup,
    # Ours: no page says how soon after a creation its reference can be asked for.
    absent_after_s=1800,
    result_life_s=30 * 86400,  # how long files are kept, say the endpoints' pages
    calls_back=True,
    endpoint=endpoint,
    sign=sign,
)
