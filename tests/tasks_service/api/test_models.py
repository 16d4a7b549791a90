"""The table of what can be asked for."""

import httpx

from schemas.providers import model_of
from schemas.routes import Route
from tasks_service.offers import offers
from tests.tasks_service.api.conftest import refused


async def test_models_are_the_validators_own_table(acme: httpx.AsyncClient) -> None:
    listed = (await acme.get("/v1/models")).json()["data"]
    names = [model["name"] for model in listed]
    assert names == sorted(names)
    assert {"sandbox-video-1", "sandbox-image-1", "sora-2"} <= set(names)
    for model in listed:
        known = model_of(model["provider"], model["name"])
        assert known is not None
        added = {"id": model["name"], "provider": model["provider"]}
        assert model == known.model_dump(mode="json") | added
        assert (await acme.get(f"/v1/models/{model['name']}")).json() == model


async def test_an_unknown_model_is_404_with_the_nearest(acme: httpx.AsyncClient) -> None:
    problem = refused(await acme.get("/v1/models/sandbox-vidoe-1"), 404, "not_found")
    assert problem["nearest"][0] == "sandbox-video-1"
    for odd in ("a/b", "x" * 3000, "%00", "é"):
        refused(await acme.get(f"/v1/models/{odd}"), 404, "not_found")


def test_the_route_of_the_highest_priority_makes_a_model() -> None:
    def route(name: str, priority: int, models: tuple[str, ...] | None = None) -> Route:
        return Route(name=name, provider="sandbox", base_url="http://x", priority=priority, models=models)

    found = offers([route("a", 0), route("b", 5, ("sandbox-video-1", "unheard-of")), route("c", 5)])
    assert found["sandbox-video-1"].route.name == "b"
    assert found["sandbox-image-1"].route.name == "c"
    assert "unheard-of" not in found
