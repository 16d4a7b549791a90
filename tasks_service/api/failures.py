"""Groups of failures over HTTP: list them, look into one, say how it stands, and have an article drafted."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from schemas.failure_groups import GroupState, is_key
from schemas.failures import FailureKind
from schemas.providers import PROVIDERS
from schemas.refusals import BodyTooLarge, NotFound, StateConflict
from tasks_service.api.context import Parts, Who, allow
from tasks_service.api.cursors import closed, opened
from tasks_service.api.failure_views import (
    AffectedView,
    GroupDetailView,
    GroupPageView,
    GroupView,
    case_view,
    change_views,
    group_view,
)
from tasks_service.api.openapi import body_of, query, refusals
from tasks_service.api.problems import read
from tasks_service.api.query import Query
from tasks_service.api.replies import reply
from tasks_service.articles import article
from tasks_service.explanation import Language
from tasks_service.failures import GroupStateRequest, say
from tasks_service.ledger.failures import Below, Group, GroupFilters
from tasks_service.ledger.keys import Caller

router = APIRouter(prefix="/v1", tags=["failures"])

SAYERS = ("support", "operator", "admin")
_LARGEST = 16 << 10
_MOST = 200
_USUAL = 50
_MOST_AFFECTED = 20

_TEXT = {"type": "string"}
_PAGING = {
    "limit": {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _USUAL},
    "after": _TEXT,
}
_FILTERS = {
    "state": {"type": "array", "items": {"type": "string", "enum": [state.value for state in GroupState]}},
    "kind": {"type": "string", "enum": [kind.value for kind in FailureKind]},
    "provider": {"type": "string", "enum": sorted(PROVIDERS)},
    "since": {"type": "string", "format": "date-time"},
} | _PAGING
_LANG = {"type": "string", "enum": [language.value for language in Language], "default": "en"}
_MARKDOWN = {"content": {"text/markdown": {"schema": {"type": "string"}}}, "description": "A draft"}


async def reachable_group(group: str, service: Parts, caller: Who) -> Group:
    """The group of the path. One in which the caller has no case is answered like one that is not there."""
    found = await service.ledger.failures.get(group, _whose(caller)) if is_key(group) else None
    if found is None:
        raise NotFound("There is no group of failures with this name among yours.")
    return found


TheirGroup = Annotated[Group, Depends(reachable_group)]


@router.get(
    "/failures",
    response_model=GroupPageView,
    responses=refusals(),
    openapi_extra={"parameters": [query(name, schema) for name, schema in _FILTERS.items()]},
)
async def page(request: Request, caller: Who, service: Parts) -> Response:
    """The same trouble is one group; those that failed last come first. Customers see their own cases only.

    Pages show the order as it was when the first was asked for; the counts are those of now.
    """
    asked = Query(request, tuple(_FILTERS))
    filters = GroupFilters(
        account_id=_whose(caller),
        states=asked.some_of("state", GroupState),
        kind=asked.one_of("kind", FailureKind),
        provider=asked.one_of("provider", PROVIDERS),
        since=asked.moment("since"),
    )
    limit, cursor = asked.number("limit", 1, _MOST, _USUAL), asked.text("after")
    asked.check()
    below = opened(cursor, filters, _below) if cursor else None
    groups, more = await service.ledger.failures.page(filters, below, limit)
    return reply(
        GroupPageView(
            data=[group_view(group, staff=caller.staff) for group in groups],
            has_more=more is not None,
            next=more and closed([more.as_of.isoformat(), more.at.isoformat(), more.key], filters),
        )
    )


@router.get(
    "/failures/{group}",
    response_model=GroupDetailView,
    responses=refusals(NotFound),
    openapi_extra={"parameters": [query(name, schema) for name, schema in _PAGING.items()]},
)
async def show(request: Request, group: TheirGroup, caller: Who, service: Parts) -> Response:
    """A group and a page of its cases, those that failed last first."""
    asked = Query(request, tuple(_PAGING))
    limit, cursor = asked.number("limit", 1, _MOST, _USUAL), asked.text("after")
    asked.check()
    failures, list_of = service.ledger.failures, (group.key, _whose(caller))
    below = opened(cursor, list_of, _below_case) if cursor else None
    cases = await failures.cases(group.key, _whose(caller), below, limit + 1)
    more, cases = len(cases) > limit, cases[:limit]
    affected = await failures.most_affected(group.key, _MOST_AFFECTED) if caller.staff else None
    changes = await failures.changes(group.key) if caller.staff else None
    return reply(
        GroupDetailView(
            **dict(group_view(group, staff=caller.staff)),
            data=[case_view(case, staff=caller.staff) for case in cases],
            has_more=more,
            next=closed([cases[-1].at.isoformat(), str(cases[-1].id)], list_of) if more else None,
            affected=None if affected is None else [AffectedView(**dict(row)) for row in affected],
            changes=None if changes is None else change_views(changes),
        )
    )


@router.post(
    "/failures/{group}/state",
    response_model=GroupView,
    responses=refusals(NotFound, StateConflict, BodyTooLarge),
    openapi_extra=body_of(GroupStateRequest),
)
async def post_state(request: Request, group: TheirGroup, caller: Who, service: Parts) -> Response:
    """Say that a group is known, muted until a time, or resolved; who did and why is kept. For staff."""
    Query(request, ()).check()
    allow(caller, SAYERS, "say how failures stand")
    wish = await read(GroupStateRequest, request, _LARGEST)
    # The key rather than the account, as with decisions: one person answers for it.
    now = await say(service.ledger, group, wish, f"person:{caller.key_id}", datetime.now(UTC))
    return reply(group_view(now, staff=True))


@router.get(
    "/failures/{group}/article",
    response_class=Response,
    responses=refusals(NotFound) | {200: _MARKDOWN},
    openapi_extra={"parameters": [query("lang", _LANG)]},
)
async def draft(request: Request, group: TheirGroup, caller: Who, service: Parts) -> Response:
    """A draft for an article about the trouble, as Markdown: facts of the group, and nobody's name."""
    asked = Query(request, ("lang",))
    lang = asked.one_of("lang", Language)
    asked.check()
    names = await service.ledger.failures.names(group.key, _whose(caller))
    text = article(group, names, Language(lang or Language.EN))
    return Response(text, 200, {"Cache-Control": "no-store"}, "text/markdown; charset=utf-8")


def _whose(caller: Caller) -> int | None:
    return None if caller.staff else caller.account_id


def _below(as_of: str, at: str, key: str) -> Below:
    if not is_key(key):
        raise ValueError(key)
    return Below(_moment(as_of), _moment(at), key)


def _below_case(at: str, task_id: str) -> tuple[datetime, UUID]:
    return _moment(at), UUID(task_id)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
