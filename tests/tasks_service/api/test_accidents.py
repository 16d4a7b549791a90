"""The process ends around a write: it is done whole or not at all."""

import asyncpg
import httpx
import pytest

from schemas.lifecycle import State
from tasks_service import failpoints
from tests.tasks_service.api.conftest import InDoubt, World, refused, wish
from tests.tasks_service.api.person import decide, told


async def test_a_process_that_ends_before_or_after_the_statement_leaves_nothing_half_done(
    world: World, operator: httpx.AsyncClient, in_doubt: InDoubt
) -> None:
    name = await in_doubt()
    before = await world.task(name)

    async def breaks(point: str) -> None:
        raise failpoints.Injected(point)

    try:
        failpoints.arm("decide.before", breaks)
        assert (await decide(operator, name, "close")).status_code >= 500
        assert await world.task(name) == before
        failpoints.disarm()
        failpoints.arm("decide.committed", breaks)
        assert (await decide(operator, name, "close")).status_code >= 500
    finally:
        failpoints.disarm()
    assert (await world.task(name)).state is State.FAILED
    assert len(await told(operator, name)) == 1


@pytest.mark.parametrize(("point", "accepted"), [("accept.before", 0), ("accept.committed", 1)])
async def test_an_accident_around_acceptance_loses_nothing_that_was_written(
    acme: httpx.AsyncClient, point: str, accepted: int
) -> None:
    async def breaks(point: str) -> None:
        raise failpoints.Injected(point)

    failpoints.arm(point, breaks)
    try:
        reply = await acme.post("/v1/tasks", json=wish(), headers={"Idempotency-Key": "k"})
    finally:
        failpoints.disarm()

    assert reply.status_code >= 500
    assert len((await acme.get("/v1/tasks")).json()["data"]) == accepted
    again = await acme.post("/v1/tasks", json=wish(), headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert (again.headers.get("idempotent-replayed") == "true") == bool(accepted)


async def test_a_ledger_that_is_not_migrated_yet_is_told_like_one_that_is_away(
    world: World, acme: httpx.AsyncClient
) -> None:
    connection = await asyncpg.connect(world.settings.database_url.get_secret_value())
    try:
        await connection.execute("ALTER FUNCTION alive_among_equals RENAME TO from_the_next_release")
        refused(await acme.post("/v1/tasks", json=wish()), 503, "overloaded")
        await connection.execute("ALTER FUNCTION from_the_next_release RENAME TO alive_among_equals")
    finally:
        await connection.close()
    assert (await acme.post("/v1/tasks", json=wish())).status_code == 202
