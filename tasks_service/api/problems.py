"""Refusals and accidents as `application/problem+json` (RFC 9457), readable for other clients' SDKs too."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from schemas.redaction import Redactor, redacted
from schemas.refusals import MalformedRequest, Overloaded, Refusal, problem
from schemas.rules import Violation
from tasks_service.api.body import expect_sound, parse, read_body
from tasks_service.api.form import problem_of, remainder, still_true, unread

MEDIA_TYPE = "application/problem+json"
_LONGEST = 200
_LARGE = 256 << 10
_MOST_PROBLEMS = 50
_redact = Redactor()
_Model = TypeVar("_Model", bound=BaseModel)
# What is wrong with a body that can be read.
Judge = Callable[[_Model], Sequence[Violation]]


class InternalError(Refusal):
    """Our own mistake; the log has the story under the same request id."""

    status, code, title = 500, "internal_error", "Something broke on our side"


class ErrorMembers(BaseModel):
    """The same sentence where other clients' SDKs look for it."""

    message: str
    type: str
    code: str
    param: str | None


class ProblemEntry(BaseModel):
    """One thing that is wrong: where, and what would be right."""

    pointer: str | None = Field(default=None, description="JSON pointer into the body")
    parameter: str | None = Field(default=None, description="name in the query string")
    code: str
    detail: str
    got: Any = None
    allowed: Any = None
    nearest: Any = None


class Problem(BaseModel):
    """An error; some codes carry more members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    error: ErrorMembers
    problems: list[ProblemEntry] | None = None


def answer(refusal: Refusal, request_id: str) -> Response:
    """A refusal as a response."""
    problems = [_brief(entry) for entry in refusal.members.get("problems", ())]
    body: dict[str, Any] = {
        "type": f"urn:creative-tasks:problem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": _short(refusal.detail, 5 * _LONGEST),
        "code": refusal.code,
        "request_id": request_id,
        "error": {
            "message": _short(refusal.detail, 5 * _LONGEST),
            "type": _error_type(refusal.status),
            "code": refusal.code,
            "param": _param(problems),
        },
    }
    body |= refusal.members | ({"problems": problems} if problems else {})
    # It repeats what it was given, and proxies keep answers.
    body = redacted(body, _redact)
    headers = {"Cache-Control": "no-store"} | refusal.headers
    if refusal.status == 409:
        # Without it, SDKs send a refused submission twice more.
        headers["X-Should-Retry"] = "false"
    return Response(orjson.dumps(body), refusal.status, headers, MEDIA_TYPE)


def unavailable() -> Overloaded:
    """PostgreSQL is away or full."""
    detail = "The ledger cannot be reached for the moment. Try again; with an Idempotency-Key that is safe."
    return Overloaded(detail, headers={"Retry-After": "2"})


def broken() -> InternalError:
    """Says nothing of what happened: the log does, under the same request id."""
    return InternalError("This is our mistake. Please tell us the request_id.")


async def read(
    model: type[_Model], request: Request, limit: int, judge: Judge[_Model] | None = None
) -> _Model:
    """A body as what it should be. Raises MalformedRequest with every problem at once, or BodyTooLarge."""
    body = await read_body(request, limit)
    if len(body) <= _LARGE:
        return understood(model, body, judge)
    # A large one takes a while, and nobody else should wait for it.
    return await asyncio.to_thread(understood, model, body, judge)


def understood(model: type[_Model], body: bytes, judge: Judge[_Model] | None = None) -> _Model:
    """JSON as what it should be. Raises MalformedRequest with every problem at once.

    What can be read of a body with a flaw is judged, too, so that nobody has to ask twice.
    """
    expect_sound(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Inputs may hold whole images; details of a ValidationError are built only once, here.
        found = error.errors(include_url=False)[:_MOST_PROBLEMS]
        problems = [problem_of(one, model) for one in found]
        rest = remainder(model, parse(body), found) if judge else None
        if rest is not None and judge is not None:
            told = [problem(one) for one in judge(rest)]
            problems += [one for one in told if still_true(one, unread(found))]
        detail = " ".join(dict.fromkeys(entry["detail"] for entry in problems[:5]))
        raise MalformedRequest(detail, members={"problems": problems[:_MOST_PROBLEMS]}) from None


def _brief(entry: Mapping[str, Any]) -> dict[str, Any]:
    lengths = {"detail": 5 * _LONGEST}
    return {name: _short(value, lengths.get(name, _LONGEST)) for name, value in entry.items()}


def _short(value: Any, longest: int) -> Any:
    """A caller's own value, but not all of a large one: it may be a whole image."""
    if isinstance(value, str) and len(value) > longest:
        return f"{value[:longest]}… ({len(value)} characters)"
    if isinstance(value, dict | list | tuple) and len(orjson.dumps(value, default=str)) > 5 * longest:
        return f"({len(value)} entries)"
    return value


def _param(problems: list[dict[str, Any]]) -> str | None:
    first = problems[0] if problems else {}
    return first.get("parameter") or first.get("pointer", "").lstrip("/") or None


def _error_type(status: int) -> str:
    named = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return named.get(status, "server_error" if status >= 500 else "invalid_request_error")
