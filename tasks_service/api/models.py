"""What can be asked for: the same table that the checks use."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from schemas.capabilities import Model
from schemas.refusals import NotFound
from schemas.rules import unknown_model
from tasks_service.api.context import Parts, Who
from tasks_service.api.openapi import refusals
from tasks_service.api.query import Query
from tasks_service.api.replies import reply
from tasks_service.offers import Offer
from tasks_service.pictures.structure import TYPES

router = APIRouter(prefix="/v1", tags=["models"])


class ModelView(Model):
    """A model with its provider. Empty means that it takes none; null that nobody told us."""

    id: str  # the name again, where other clients' SDKs look for it
    provider: str


class ModelsView(BaseModel):
    """Every model that a route offers."""

    data: list[ModelView]


@router.get("/models", response_model=ModelsView, responses=refusals())
async def models(request: Request, caller: Who, service: Parts) -> Response:
    """Every model that can be asked for."""
    Query(request, ()).check()
    offered = service.admission.offers
    return reply(ModelsView(data=[_view(offered[name]) for name in sorted(offered)]))


# Gateways' names hold slashes.
@router.get("/models/{model:path}", response_model=ModelView, responses=refusals(NotFound))
async def model(request: Request, model: str, caller: Who, service: Parts) -> Response:
    """One model."""
    Query(request, ()).check()
    offer = service.admission.offers.get(model)
    if offer is None:
        unknown = unknown_model(model, tuple(service.admission.offers))
        raise NotFound(unknown.detail, members={"nearest": unknown.nearest})
    return reply(_view(offer))


def _view(offer: Offer) -> ModelView:
    return ModelView.model_validate(
        {**_as_taken(offer.model).model_dump(), "id": offer.model.name, "provider": offer.route.provider}
    )


def _as_taken(model: Model) -> Model:
    """Of the formats that the vendor takes, those that we can look at: the others are refused."""
    limits = model.reference_images
    if limits is None or limits.formats is None:
        return model
    formats = tuple(kind for kind in limits.formats if kind in TYPES)
    return model.model_copy(update={"reference_images": limits.model_copy(update={"formats": formats})})
