"""Staff sees why nothing is sent, and an operator's word ends it."""

from typing import Any

import pytest

from tasks_service.epochs import Epochs
from tasks_service.ledger.instance import Quarantine
from tests.tasks_service.api.conftest import World, refused, submit

REASON = {"reason": "the backup of last night was restored; all was looked up"}
RELEASE = "/v1/quarantine/release"


async def begun(world: World) -> Quarantine:
    """A quarantine, as a worker opens it that finds the store ahead."""
    await Epochs(world.settings.store).keep(57)
    async with world.ledger.transaction() as ledger:
        quarantine = await ledger.instance.distrust(57)
    assert quarantine is not None
    return quarantine


async def test_usually_there_is_none(world: World) -> None:
    operator = await world.client("ops", "operator")
    assert (await operator.get("/v1/quarantine")).json() == {"quarantined": False, "epoch": 0, "data": []}
    refused(await operator.post(RELEASE, json=REASON), 409, "not_in_quarantine")


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_a_release_needs_a_reason_and_keeps_it_with_the_name(world: World, role: str) -> None:
    await begun(world)
    person = await world.client("ops", role)
    before = (await person.get("/v1/quarantine")).json()
    for bad in (
        {},
        {"reason": ""},
        {"reason": "   "},
        {"reason": 7},
        {"reason": "x" * 501},
        REASON | {"by": "me"},
    ):
        body: dict[str, Any] = bad
        refused(await person.post(RELEASE, json=body), 400, "malformed_request")
    ended = await person.post(RELEASE, json=REASON)
    after = (await person.get("/v1/quarantine")).json()

    assert (before["quarantined"], after["quarantined"]) == (True, False)
    assert "store of an older one" in before["data"][0]["words"]
    assert ended.status_code == 200
    assert ended.json() == after["data"][0]
    assert ended.json()["release_reason"] == REASON["reason"]
    assert ended.json()["released_by"].startswith("person:")
    assert after["epoch"] == 57
    refused(await person.post(RELEASE, json=REASON), 409, "not_in_quarantine")


@pytest.mark.parametrize("role", ["customer", "support"])
async def test_others_release_nothing(world: World, role: str) -> None:
    await begun(world)
    client = await world.client("ops", role)
    problem = refused(await client.post(RELEASE, json=REASON), 403, "forbidden")

    assert problem["allowed"] == ["operator", "admin"]
    assert (await world.ledger.instance.look()).quarantine is not None


async def test_a_customer_sees_no_quarantine_and_support_does(world: World) -> None:
    refused(await (await world.client()).get("/v1/quarantine"), 403, "forbidden")
    refused(await (await world.stranger()).get("/v1/quarantine"), 401, "unauthenticated")
    refused(await (await world.stranger()).post(RELEASE, json=REASON), 401, "unauthenticated")
    assert (await (await world.client("ops", "support")).get("/v1/quarantine")).status_code == 200


async def test_in_quarantine_tasks_are_accepted_and_readiness_says_that_they_wait(world: World) -> None:
    await begun(world)
    task = await submit(await world.client())
    client = await world.stranger()
    ready = await client.get("/readyz")

    assert task["state"] == "submitted"
    assert ready.status_code == 200
    assert ready.json()["ready"] is True
    assert ready.json()["checks"]["sending"].startswith("in quarantine since 20")
    assert "creative_tasks_quarantined 1.0" in (await client.get("/metrics")).text


async def test_without_the_store_nobody_knows_where_to_go_on_from(world: World) -> None:
    await begun(world)
    operator = await world.client("ops", "operator")
    folder = world.settings.data_folder / "artifacts"
    folder.rename(world.settings.data_folder / "away")
    folder.write_text("in the way")

    refused(await operator.post(RELEASE, json=REASON), 503, "overloaded")
    assert (await world.ledger.instance.look()).quarantine is not None
