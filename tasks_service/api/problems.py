"""Refusals and accidents as `application/problem+json` (RFC 9457), readable for other clients' SDKs too."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response

from schemas.redaction import Redactor, redacted
from schemas.refusals import MalformedRequest, Overloaded, Refusal
from schemas.rules import pointer_part
from schemas.task import ReferenceImage, TaskRequest
from tasks_service.api.body import parse, read_body

MEDIA_TYPE = "application/problem+json"
_LONGEST = 200
_LARGE = 256 << 10
_redact = Redactor()
_Model = TypeVar("_Model", bound=BaseModel)

# pydantic's words are about Python; these are about JSON.
_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "enum": "not_offered",
    "string_pattern_mismatch": "wrong_format",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_long",
    "value_error": "inconsistent",
}


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


async def read(model: type[_Model], request: Request, limit: int) -> _Model:
    """A body as what it should be. Raises MalformedRequest with every problem at once, or BodyTooLarge."""
    body = await read_body(request, limit)
    # A large one takes a while, and nobody else should wait for it.
    return await asyncio.to_thread(understood, model, body) if len(body) > _LARGE else understood(model, body)


def understood(model: type[_Model], body: bytes) -> _Model:
    """JSON as what it should be. Raises MalformedRequest with every problem at once."""
    parse(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Inputs may hold whole images; details of a ValidationError are built only once, here.
        problems = [_problem(found, model) for found in error.errors(include_url=False)[:50]]
        detail = " ".join(dict.fromkeys(entry["detail"] for entry in problems[:5]))
        raise MalformedRequest(detail, members={"problems": problems}) from None


def _problem(found: ErrorDetails, model: type[BaseModel]) -> dict[str, Any]:
    where = [str(part) for part in found["loc"] if part != "[key]"]
    pointer = "".join(f"/{pointer_part(part)}" for part in where)
    context = found.get("ctx", {})
    entry: dict[str, Any] = {
        "pointer": pointer,
        "code": _CODES.get(found["type"], "wrong_type"),
        "detail": f"{pointer or 'The body'}: {found['msg'].removeprefix('Value error, ')}.",
        "got": None if found["type"] == "missing" else found["input"],
        "allowed": dict(_allowed(context)) or _choices(context),
    }
    if found["type"] == "extra_forbidden":
        fields = _fields_at(where, model)
        nearest = next(iter(get_close_matches(where[-1][:_LONGEST], fields, n=1)), None)
        hint = f" Did you mean {nearest}?" if nearest else ""
        entry |= {"detail": f"There is no field {pointer}.{hint}", "allowed": fields, "nearest": nearest}
    return {name: value for name, value in entry.items() if value is not None}


def _allowed(context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for word, name in (("min_length", "min"), ("max_length", "max"), ("pattern", "pattern")):
        if word in context:
            yield name, context[word]


def _choices(context: Mapping[str, Any]) -> list[str] | None:
    return re.findall("'([^']+)'", str(context["expected"])) if "expected" in context else None


def _fields_at(where: list[str], model: type[BaseModel]) -> list[str]:
    inside_image = model is TaskRequest and len(where) > 1 and where[0] == "reference_images"
    return list((ReferenceImage if inside_image else model).model_fields)


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
