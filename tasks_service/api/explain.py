"""Errors that somebody has in hand: what they mean. Nothing is stored, and no whole key is read."""

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from schemas.reading import Given, Phase, cleaned
from schemas.reading.given import LONGEST_BODY, LONGEST_EXCEPTION
from schemas.redaction import Redactor
from schemas.refusals import BodyTooLarge, MalformedRequest, Refusal, SecretPasted
from schemas.whole_keys import WholeKey, whole_keys
from tasks_service.api.body import read_body
from tasks_service.api.context import Parts, Who
from tasks_service.api.openapi import body_of, refusals
from tasks_service.api.problems import understood
from tasks_service.api.query import Query
from tasks_service.api.replies import reply
from tasks_service.diagnosis import ExplainedView, explained

router = APIRouter(prefix="/v1", tags=["support"])

_LARGEST = 256 << 10
_Header = Annotated[str, StringConstraints(max_length=1000)]


class ExplainRequest(BaseModel):
    """An error: the words that were pasted as `body`, and whatever else is known of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    body: str = Field(default="", max_length=LONGEST_BODY)
    exception: str = Field(default="", max_length=LONGEST_EXCEPTION)
    provider: str | None = Field(default=None, max_length=100)
    phase: Annotated[Phase, Field(strict=False)] = Phase.SUBMIT
    http_status: int | None = Field(default=None, ge=100, le=599)
    headers: dict[_Header, _Header] = Field(default_factory=dict, max_length=64)


@router.post(
    "/explain",
    response_model=ExplainedView,
    responses=refusals(BodyTooLarge, SecretPasted),
    openapi_extra=body_of(ExplainRequest),
)
async def explain(request: Request, caller: Who, service: Parts) -> Response:
    """What an error means: kind, whose move, whether it may be sent again, what to check. Stores nothing."""
    Query(request, ()).check()
    body = await read_body(request, _LARGEST)
    # Long texts take a while, and nobody else should wait for them.
    return reply(await asyncio.to_thread(_explained, body))


def _explained(body: bytes) -> ExplainedView:
    try:
        asked = understood(ExplainRequest, body)
    except MalformedRequest as refusal:
        # Such refusals repeat what was wrong.
        keys = whole_keys(body.decode("utf-8", "replace"))
        raise (_refused("", keys) if keys else refusal) from None
    given = Given(asked.phase, asked.provider, asked.http_status, asked.headers, asked.body, asked.exception)
    headers = "\n".join(f"{name}: {value}" for name, value in given.headers.items())
    for pointer, text in (("/body", given.body), ("/exception", given.exception), ("/headers", headers)):
        if keys := whole_keys(text):
            raise _refused(pointer, keys)
    return explained(cleaned(given, Redactor()), [])


def _refused(pointer: str, keys: list[WholeKey]) -> Refusal:
    problems = [
        {
            "pointer": pointer,
            "code": "whole_key",
            "detail": f"A whole {key.kind} at line {key.line}, column {key.column}"
            f"{f', beginning with {key.head}' if key.head else ''}.",
        }
        for key in keys
    ]
    return SecretPasted(
        "The text holds a whole key. It was not read or kept; take it out, and have it replaced.",
        members={"problems": problems},
    )
