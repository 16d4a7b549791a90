"""One task over HTTP: submit it, look at it, wait for it, cancel it; and many by their ids."""

import re
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from schemas.failures import FailureKind
from schemas.ids import parse_task_id, task_id_text
from schemas.lifecycle import Parked, State
from schemas.providers import CATALOGUE, PROVIDERS
from schemas.quote import Estimate
from schemas.refusals import (
    BodyTooLarge,
    DuplicateTask,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    ModelRetired,
    ModelUnknown,
    NotCancelable,
    NotFound,
    TooManyRequests,
    UnacceptableParameters,
    problem,
)
from schemas.task import Task, TaskRequest
from schemas.whole_keys import complete_key
from tasks_service.admission import Quote
from tasks_service.api.context import Parts, Service, TheirTask, Who, parts, reachable_task
from tasks_service.api.direct import Direct
from tasks_service.api.openapi import body_of, header, in_path, query, refusals
from tasks_service.api.problems import ProblemEntry, read
from tasks_service.api.query import Query
from tasks_service.api.replies import matches, pacing, reply, reply_tagged, seen_by
from tasks_service.api.views import TaskView
from tasks_service.failpoints import reached

router = APIRouter(prefix="/v1", tags=["tasks"])
direct = APIRouter(prefix="/v1", tags=["tasks"], route_class=Direct)

_LONGEST_WAIT_S = 60
_LARGEST_LOOKUP = 64 << 10
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT = {"type": "integer", "minimum": 0, "maximum": _LONGEST_WAIT_S}


class PriceView(BaseModel):
    """What the vendor's published price comes to: an estimate, never a bill."""

    amount: str
    currency: str
    basis: str
    source: str


class QuoteView(BaseModel):
    """What would be said to a submission; the price is null where nobody told us, and where it is refused."""

    valid: bool
    problems: list[ProblemEntry]
    replay_of: str | None = Field(description="the task that this Idempotency-Key stands for already")
    quote: PriceView | None
    not_checked: list[str]
    warnings: list[str]
    catalogue: str


class LookupRequest(BaseModel):
    """Ids to look up."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=200)


class BriefView(BaseModel):
    """How a task is, in short."""

    id: str
    state: State
    progress: int | None
    parked: Parked | None
    failure: FailureKind | None


class LookupView(BaseModel):
    """What was found, in the order asked for, and what was not."""

    data: list[BriefView]
    missing: list[str]


@direct.post(
    "/tasks",
    status_code=202,
    response_model=TaskView,
    responses=refusals(
        IdempotencyKeyInvalid,
        BodyTooLarge,
        DuplicateTask,
        IdempotencyKeyReused,
        ModelRetired,
        ModelUnknown,
        UnacceptableParameters,
    )
    | {200: {"model": QuoteView, "description": "The checks only: nothing was written"}},
    openapi_extra=body_of(TaskRequest)
    | {
        "parameters": [
            query("validate_only", {"type": "boolean"}),
            header("Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 255}),
        ]
    },
)
async def submit(request: Request) -> Response:
    """Accept a task. Nothing has been spent when this returns."""
    service = parts(request)
    caller = await service.keyring.caller(request)
    asked = Query(request, ("validate_only",))
    validate_only = asked.flag("validate_only")
    asked.check()
    key = _idempotency_key(request)
    most = service.settings.max_body_bytes
    with service.receiving.hold(request, caller.account_id, most):
        wanted = await read(TaskRequest, request, most, service.admission.judge)
        if validate_only:
            return reply(_quote_view(await service.admission.quote(wanted, caller, key=key)))
        again = request.headers.get("x-stainless-retry-count", "0") != "0"
        admitted = await service.admission.admit(
            wanted, caller, key=key, again=again, request_id=request.state.request_id
        )
    view = await seen_by(caller, service, admitted.task)
    replayed = {"Idempotent-Replayed": "true"} if admitted.replayed else {}
    return reply(view, 202, {"Location": f"/v1/tasks/{view['id']}"} | replayed | pacing(admitted.task))


@direct.get(
    "/tasks/{task_id}",
    response_model=TaskView,
    responses=refusals(NotFound, TooManyRequests) | {304: {"description": "Nothing has changed"}},
    openapi_extra={
        "parameters": [in_path("task_id"), query("wait", _WAIT), header("If-None-Match", {"type": "string"})]
    },
)
async def show(request: Request) -> Response:
    """A task; `wait` holds the answer until something changes or the task ends."""
    service = parts(request)
    caller = await service.keyring.caller(request)
    task = await reachable_task(request.path_params["task_id"], service, caller)
    asked = Query(request, ("wait",))
    wait_s = asked.number("wait", 0, _LONGEST_WAIT_S, 0)
    asked.check()
    answer = reply_tagged(request, await seen_by(caller, service, task), pacing(task))
    if wait_s == 0 or task.state.final or _is_news(request, answer):
        return answer
    await service.waiting.hold(request, task, wait_s)
    later = await _again(service, task)
    return reply_tagged(request, await seen_by(caller, service, later), pacing(later))


@router.post(
    "/tasks/{task_id}/cancel",
    status_code=202,
    response_model=TaskView,
    responses=refusals(NotFound, NotCancelable),
)
async def cancel(request: Request, task: TheirTask, caller: Who, service: Parts) -> Response:
    """Ask for the end: certain before anything was spent, and after that as far as the upstream can."""
    Query(request, ()).check()
    if task.state.final:
        raise NotCancelable(
            f"The task is {task.state.value}; nothing can follow.", members={"state": task.state.value}
        )
    if task.state is not State.SUBMITTED and PROVIDERS[task.provider].cancel is None:
        detail = f"The upstream has the task already, and {task.provider} has no way to stop it."
        raise NotCancelable(detail, members={"state": task.state.value})
    await reached("cancel.before")
    ended = await service.ledger.tasks.cancel(task.id, caller.actor)
    await reached("cancel.committed")
    later = await _again(service, task)
    if later.state.final and not ended:
        raise NotCancelable(
            f"The task just became {later.state.value}.", members={"state": later.state.value}
        )
    await service.doorbell.ring("submit" if later.state is State.SUBMITTED else "poll")
    return reply(await seen_by(caller, service, later), 202, pacing(later))


@router.post(
    "/tasks/lookup",
    response_model=LookupView,
    responses=refusals(BodyTooLarge),
    openapi_extra=body_of(LookupRequest),
)
async def lookup(request: Request, caller: Who, service: Parts) -> Response:
    """How up to 200 tasks are, in one call."""
    Query(request, ()).check()
    wanted = await read(LookupRequest, request, _LARGEST_LOOKUP)
    ids = {text: parse_task_id(text) for text in wanted.ids}
    account_id = None if caller.staff else caller.account_id
    rows = await service.ledger.tasks.states([found for found in ids.values() if found], account_id)
    known = {row["id"]: row for row in rows}
    data = [
        BriefView(
            id=task_id_text(found),
            state=known[found]["state"],
            progress=known[found]["progress"],
            parked=known[found]["parked"],
            failure=known[found]["failure_kind"],
        )
        for found in dict.fromkeys(ids.values())
        if found is not None and found in known
    ]
    return reply(LookupView(data=data, missing=[text for text, found in ids.items() if found not in known]))


async def _again(service: Service, task: Task) -> Task:
    found = await service.ledger.tasks.get(task.id)
    assert found is not None, "tasks are never deleted"
    return found


def _is_news(request: Request, answer: Response) -> bool:
    """Whether the client names what it has, and has something else."""
    given = request.headers.getlist("if-none-match")
    return bool(given) and not matches(given, answer.headers["etag"])


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise IdempotencyKeyInvalid("Send one Idempotency-Key of 1 to 255 visible ASCII characters.")
    if key := complete_key(given[0]):
        detail = f"This looks like a complete key, {key}, and would be kept. Send an id of your own instead."
        raise IdempotencyKeyInvalid(detail)
    return given[0]


def _price_view(price: Estimate | None) -> PriceView | None:
    if price is None:
        return None
    return PriceView(amount=price.text, currency=price.currency, basis=price.basis, source=price.source)


def _quote_view(quote: Quote) -> QuoteView:
    problems: list[dict[str, Any]] = [problem(found) for found in quote.problems]
    return QuoteView(
        valid=not problems,
        problems=[ProblemEntry.model_validate(found) for found in problems],
        replay_of=task_id_text(quote.replay_of) if quote.replay_of else None,
        quote=_price_view(quote.estimate),
        not_checked=list(quote.not_checked),
        warnings=list(quote.warnings),
        catalogue=CATALOGUE,
    )
