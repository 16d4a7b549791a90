"""Lists of tasks: filters, words, and pages that neither skip nor repeat."""

import base64
import binascii
import hashlib
from dataclasses import fields, replace
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.capabilities import Kind
from schemas.failures import FailureKind
from schemas.lifecycle import Parked, State
from schemas.refusals import Forbidden, MalformedRequest, SecretPasted
from tasks_service.api.context import Parts, Who
from tasks_service.api.openapi import query, refusals
from tasks_service.api.query import LONGEST_PASTED, Query
from tasks_service.api.replies import reply, shown
from tasks_service.api.views import PageView, UnderstoodView
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.search import Found, search

router = APIRouter(prefix="/v1", tags=["tasks"])

_METADATA = "metadata."
_MOST = 200
_USUAL = 50
# An id's time is the API process's, `created_at` is PostgreSQL's: the ids only narrow down the months.
_SLACK_MS = 3_600_000
_LAST_MS = (1 << 48) - 1

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_PARAMETERS = {
    "state": {"type": "array", "items": {"type": "string", "enum": [state.value for state in State]}},
    "model": _TEXT,
    "kind": {"type": "string", "enum": [kind.value for kind in Kind]},
    "account": _TEXT,
    "key": _TEXT,
    "upstream_id": _TEXT,
    "external_id": _TEXT,
    "failure_kind": {"type": "string", "enum": [kind.value for kind in FailureKind]},
    "parked": {"type": "array", "items": {"type": "string", "enum": ["true", *Parked]}},
    "created_after": _MOMENT,
    "created_before": _MOMENT,
    "q": {"type": "string", "maxLength": LONGEST_PASTED},
    "limit": {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _USUAL},
    "after": _TEXT,
}


@router.get(
    "/tasks",
    response_model=PageView,
    responses=refusals(Forbidden, SecretPasted),
    openapi_extra={"parameters": [query(name, schema) for name, schema in _PARAMETERS.items()]},
)
async def page(request: Request, caller: Who, service: Parts) -> Response:
    """Newest first. `metadata.KEY=value` narrows too; `next` is the `after` of the page that follows.

    `q` takes whatever was pasted: an id of either side, a key's head and tail, an artifact's SHA-256, a whole
    error text, or words; `understood` says how it was read.
    """
    asked = Query(request, tuple(_PARAMETERS), family=_METADATA, long=("q",))
    filters = _filters(asked, caller)
    limit = asked.number("limit", 1, _MOST, _USUAL)
    cursor = asked.text("after")
    asked.check()
    after = _opened(cursor, filters) if cursor else None
    found = await _search(service.ledger, filters, after, limit + 1)
    tasks = found.tasks
    more, tasks = len(tasks) > limit, tasks[:limit]
    artifacts = await service.ledger.history.artifacts_of([task.id for task in tasks])
    return reply(
        PageView(
            understood=[UnderstoodView({"as": one.what, "value": one.value}) for one in found.understood],
            data=[shown(caller, service, task, artifacts[task.id]) for task in tasks],
            has_more=more,
            next=_closed(tasks[-1].id, filters) if more else None,
        )
    )


async def _search(ledger: Ledger, filters: Filters, after: UUID | None, limit: int) -> Found:
    """What was pasted goes its own way; in the cursor's seal it stays as it was asked."""
    if filters.words is None:
        return Found(await ledger.tasks.page(filters, after, limit), ())
    return await search(ledger, filters.words[0], replace(filters, words=None), after, limit)


def _filters(asked: Query, caller: Caller) -> Filters:
    account = asked.text("account")
    if account is not None and not caller.staff:
        raise Forbidden("Only staff may list other accounts; leave account out.")
    words = asked.text("q")
    created_from, created_until = asked.moment("created_after"), asked.moment("created_before")
    return Filters(
        account_id=None if caller.staff else caller.account_id,
        account=account,
        states=asked.some_of("state", State),
        model=asked.text("model"),
        kind=asked.one_of("kind", Kind),
        key_id=asked.text("key"),
        upstream_id=asked.text("upstream_id"),
        external_id=asked.text("external_id"),
        failure_kind=asked.one_of("failure_kind", FailureKind),
        parked=_parked(asked),
        metadata=asked.family(_METADATA) or None,
        words=[words] if words else None,
        created_from=created_from,
        created_until=created_until,
        id_from=_first_id(created_from, -_SLACK_MS) if created_from else None,
        id_until=_first_id(created_until, _SLACK_MS) if created_until else None,
    )


def _parked(asked: Query) -> list[str] | None:
    reasons = asked.some_of("parked", ["true", *Parked])
    return [reason.value for reason in Parked] if reasons and "true" in reasons else reasons


def _first_id(moment: datetime, shift_ms: int) -> UUID:
    """The smallest time-ordered id of a moment, a little earlier or later."""
    # In milliseconds, because the years 1 and 9999 have nothing beside them that a datetime could be.
    return UUID(int=min(max(int(moment.timestamp() * 1000) + shift_ms, 0), _LAST_MS) << 80)


def _closed(last: UUID, filters: Filters) -> str:
    """A cursor: where the page ended, and of which list it was."""
    return base64.urlsafe_b64encode(last.bytes + _seal(last, filters)).decode()


def _opened(cursor: str, filters: Filters) -> UUID:
    try:
        raw = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        last = UUID(bytes=raw[:16])
    except (ValueError, binascii.Error):
        raw, last = b"", UUID(int=0)
    if raw[16:] != _seal(last, filters):
        problem = {"parameter": "after", "code": "wrong_cursor", "got": cursor}
        detail = "after is the `next` of a page of this very list: the same filters, unchanged."
        raise MalformedRequest(detail, members={"problems": [problem | {"detail": detail}]})
    return last


def _seal(last: UUID, filters: Filters) -> bytes:
    # Not a secret: it keeps a cursor from being used, by mistake, where it would skip or repeat.
    list_of = [(field.name, getattr(filters, field.name)) for field in fields(filters)]
    return hashlib.sha256(f"{last}{list_of}".encode()).digest()[:8]
