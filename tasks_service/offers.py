"""What can be asked for here: models, each with the route that would make it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.capabilities import Model
from schemas.providers import PROVIDERS
from schemas.routes import Route
from schemas.rules.passing import Passing


@dataclass(frozen=True, slots=True)
class Offer:
    """A model, and the route that would make it."""

    route: Route
    model: Model
    passing: Passing


def offers(routes: Iterable[Route]) -> Mapping[str, Offer]:
    """Every model that a route offers, each on the route of the highest priority."""
    found: dict[str, Offer] = {}
    for route in sorted(routes, key=lambda route: -route.priority):
        for model in PROVIDERS[route.provider].models:
            if route.models is None or model.name in route.models:
                found.setdefault(model.name, Offer(route, model, Passing(model)))
    return MappingProxyType(found)
