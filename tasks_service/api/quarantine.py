"""The quarantine over HTTP: why nothing is sent, and a person's word that ends it."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from schemas.refusals import BodyTooLarge, Overloaded, Refusal
from tasks_service.api.context import Parts, Service, Who, allow
from tasks_service.api.openapi import body_of, refusals
from tasks_service.api.problems import read
from tasks_service.api.query import Query
from tasks_service.api.replies import reply
from tasks_service.api.views import Moment, View
from tasks_service.artifacts import StoreAway
from tasks_service.decisions import Reason
from tasks_service.ledger.instance import Quarantine
from tasks_service.release import end_quarantine

router = APIRouter(prefix="/v1", tags=["operation"])

_STAFF = ("support", "operator", "admin")
_RELEASERS = ("operator", "admin")
_LARGEST = 16 << 10


class NotInQuarantine(Refusal):
    """There is nothing to release."""

    status, code, title = 409, "not_in_quarantine", "There is no quarantine to release"


class ReleaseRequest(BaseModel):
    """A person's word that tasks may be sent again; the reason is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: Reason


class QuarantineView(View):
    """A time in which nothing is sent."""

    reason: str
    words: str
    began_at: Moment
    ledger_epoch: int
    outside_epoch: int
    tasks_in_doubt: int
    released_at: Moment | None
    released_by: str | None
    release_reason: str | None


class StandingView(View):
    """Whether tasks are sent, and the latest quarantines, the newest first."""

    quarantined: bool
    epoch: int
    data: list[QuarantineView]


@router.get("/quarantine", response_model=StandingView, responses=refusals())
async def show_quarantine(request: Request, caller: Who, service: Parts) -> Response:
    """Whether anything is sent, and if not, why; for staff."""
    Query(request, ()).check()
    allow(caller, _STAFF, "see quarantines")
    standing = await service.ledger.instance.look()
    latest = await service.ledger.instance.quarantines()
    return reply(
        StandingView(
            quarantined=standing.quarantine is not None,
            epoch=standing.epoch,
            data=[_view(one) for one in latest],
        )
    )


@router.post(
    "/quarantine/release",
    response_model=QuarantineView,
    responses=refusals(NotInQuarantine, BodyTooLarge),
    openapi_extra=body_of(ReleaseRequest),
)
async def release(request: Request, caller: Who, service: Parts) -> Response:
    """Let tasks be sent again; whoever says so, and why, is kept."""
    Query(request, ()).check()
    allow(caller, _RELEASERS, "release a quarantine")
    wish = await read(ReleaseRequest, request, _LARGEST)
    ended = await _released(service, f"person:{caller.key_id}", wish.reason)
    if ended is None:
        raise NotInQuarantine("Tasks are being sent; there is nothing to release.")
    await service.doorbell.ring("submit")
    return reply(_view(ended))


async def _released(service: Service, actor: str, reason: str) -> Quarantine | None:
    try:
        return await end_quarantine(service.ledger, service.settings.store, actor, reason)
    except StoreAway as away:
        detail = "The store cannot be read for the moment, so it is not known which epoch it has. Try again."
        raise Overloaded(detail, headers={"Retry-After": "2"}) from away


def _view(quarantine: Quarantine) -> QuarantineView:
    return QuarantineView(
        reason=quarantine.reason,
        words=quarantine.words,
        began_at=quarantine.began_at,
        ledger_epoch=quarantine.ledger_epoch,
        outside_epoch=quarantine.outside_epoch,
        tasks_in_doubt=quarantine.doubted,
        released_at=quarantine.released_at,
        released_by=quarantine.released_by,
        release_reason=quarantine.release_reason,
    )
