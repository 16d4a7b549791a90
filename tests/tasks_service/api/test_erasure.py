"""A customer's content is erased over HTTP: by whom, of what, and what everybody reads afterwards."""

import asyncpg
import httpx
import pytest

from schemas.lifecycle import State
from tests.tasks_service.api.conftest import InDoubt, World, id_of, refused, submit

SECRET = "a kite for Ms Zhang"
REASON = {"reason": "asked for by letter 7"}


async def erase(client: httpx.AsyncClient, name: str) -> httpx.Response:
    return await client.post(f"/v1/tasks/{name}/erasure", json=REASON)


async def test_what_was_erased_is_read_nowhere(
    world: World, acme: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    name = (await submit(acme, prompt=SECRET, metadata={"who": SECRET}, external_id=SECRET))["id"]
    artifact = await world.finish(name)
    await world.record(name, body=SECRET)
    file = world.settings.data_folder / "artifacts" / artifact.key
    assert file.exists()

    erased = await erase(operator, name)

    assert erased.status_code == 200
    assert erased.json()["erased_at"] is not None
    assert not file.exists()
    for client in (acme, operator):
        for path in (f"/v1/tasks/{name}", f"/v1/tasks/{name}/history", "/v1/tasks"):
            assert SECRET not in (await client.get(path)).text
    problem = refused(await acme.get(f"/v1/tasks/{name}/artifacts/0"), 410, "content_erased")
    assert artifact.sha256 not in problem["detail"]
    entries = (await acme.get(f"/v1/tasks/{name}/history")).json()["data"]
    assert (entries[-1]["type"], entries[-1]["reason"]) == ("decision", "erase")
    assert entries[-1]["detail"] == REASON["reason"]
    assert [one["sha256"] for one in entries if one["type"] == "artifact"] == [artifact.sha256]


async def test_a_second_erasure_changes_nothing(
    world: World, acme: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    name = (await submit(acme))["id"]
    await world.move(name, State.FAILED)

    first, second = await erase(operator, name), await erase(operator, name)

    assert (second.status_code, second.json()) == (200, first.json())


async def test_a_task_that_is_not_over_keeps_its_content(
    world: World, acme: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    name = (await submit(acme, prompt=SECRET))["id"]

    problem = refused(await erase(operator, name), 409, "state_conflict")

    assert (problem["state"], problem["spend"]) == ("submitted", "none")
    assert (await world.task(name)).request.prompt == SECRET


async def test_nor_does_one_go_that_waits_for_a_person(
    operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    problem = refused(await erase(operator, await in_doubt()), 409, "state_conflict")

    assert problem["parked"] == "outcome_unknown"


@pytest.mark.parametrize("role", ["customer", "support"])
async def test_only_who_may_decide_may_erase(world: World, acme: httpx.AsyncClient, role: str) -> None:
    name = (await submit(acme))["id"]
    await world.move(name, State.FAILED)

    refused(await erase(await world.client("acme", role), name), 403, "forbidden")

    assert (await world.task(name)).erased_at is None


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "x" * 501}, {"reason": "good", "more": 1}])
async def test_an_erasure_needs_a_reason_and_nothing_else(
    world: World, acme: httpx.AsyncClient, operator: httpx.AsyncClient, body: dict[str, object]
) -> None:
    name = (await submit(acme))["id"]
    await world.move(name, State.FAILED)

    reply = await operator.post(f"/v1/tasks/{name}/erasure", json=body)

    assert reply.status_code in (400, 422)
    assert (await world.task(name)).erased_at is None


async def test_a_repeated_request_still_meets_its_erased_task(
    world: World, acme: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    wish = {"model": "sandbox-video-1", "prompt": SECRET}
    first = await acme.post("/v1/tasks", json=wish, headers={"Idempotency-Key": "k"})
    await world.move(first.json()["id"], State.FAILED)
    await erase(operator, first.json()["id"])

    again = await acme.post("/v1/tasks", json=wish, headers={"Idempotency-Key": "k"})
    other = await acme.post("/v1/tasks", json=wish | {"prompt": "x"}, headers={"Idempotency-Key": "k"})

    assert again.json()["id"] == first.json()["id"]
    assert SECRET not in again.text
    refused(other, 422, "idempotency_key_reused")


async def test_files_are_deleted_later_where_the_store_is_away(
    world: World, dsn: str, acme: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    name = (await submit(acme))["id"]
    artifact = await world.finish(name)
    file = world.settings.data_folder / "artifacts" / artifact.key
    file.unlink()
    file.mkdir()  # what cannot be deleted as a file

    erased = await erase(operator, name)

    assert erased.json()["erased_at"] is not None
    connection = await asyncpg.connect(dsn)
    waiting = await connection.fetchval("SELECT key FROM unwanted_file")
    await connection.close()
    assert waiting == artifact.key
    assert (await world.ledger.tasks.get(id_of(name))) is not None
