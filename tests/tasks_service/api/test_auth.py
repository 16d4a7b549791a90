"""Keys."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.refusals import Unauthenticated
from tasks_service.api import auth
from tasks_service.api.auth import Keyring
from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.api.conftest import World, refused, submit


async def test_every_bad_key_gets_the_same_answer(world: World, ledger: Ledger) -> None:
    key = await ledger.keys.new("acme")
    gone = await ledger.keys.new("acme")
    await ledger.keys.revoke(gone.split("_")[2])
    bad: list[Any] = [
        [],
        [f"Bearer {gone}"],
        [f"Bearer {key}x"],
        [f"Bearer {key[:-1]}"],
        ["Bearer ct_live_zzzzzzzz_" + "x" * 43],
        ["Bearer "],
        ["Bearer"],
        ["Bearer x"],
        [key],
        [f"Basic {key}"],
        [f"Key {key}"],
        [f"Bearer {key} {key}"],
        [f"Bearer {key}", f"Bearer {key}"],
        [b"Bearer \x00ct_live"],
        [b"Bearer ct_live_\x00\x00\x00\x00\x00\x00\x00\x00_"],
        ["Bearer é".encode()],
        ["Bearer " + "x" * 100_000],
    ]
    client = await world.stranger()
    answers = [
        await client.get("/v1/tasks", headers=[("Authorization", one) for one in given]) for given in bad
    ]
    for answer in answers:
        refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    bodies = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in answers]
    assert all(body == bodies[0] for body in bodies)


async def test_a_key_in_the_address_does_not_count(world: World, ledger: Ledger) -> None:
    key = await ledger.keys.new("acme")
    client = await world.stranger()
    for name in ("api_key", "key", "access_token", "token"):
        refused(await client.get(f"/v1/tasks?{name}={key}"), 401, "unauthenticated")


async def test_the_scheme_is_read_in_any_case(world: World, ledger: Ledger) -> None:
    key = await ledger.keys.new("acme")
    client = await world.stranger({"Authorization": f"bEARER  {key}"})
    assert (await client.get("/v1/tasks")).status_code == 200


async def test_a_hot_key_costs_one_query_and_a_revoked_one_ends_soon(world: World, ledger: Ledger) -> None:
    now = 0.0
    keyring = Keyring(ledger, clock=lambda: now)
    asked = 0
    find = ledger.keys.find

    async def counted(key: str) -> Any:
        nonlocal asked
        asked += 1
        return await find(key)

    ledger.keys.find = counted  # type: ignore[method-assign]
    key = await ledger.keys.new("acme")
    request = httpx.Headers({"authorization": f"Bearer {key}"})

    class Asking:
        headers = type("H", (), {"getlist": staticmethod(request.get_list)})()

    asking: Any = Asking()
    for _ in range(10):
        assert (await keyring.caller(asking)).account == "acme"
    assert asked == 1
    await ledger.keys.revoke(key.split("_")[2])
    assert (await keyring.caller(asking)).account == "acme"
    now += auth.REMEMBER_S
    with pytest.raises(Unauthenticated):
        await keyring.caller(asking)
    with pytest.raises(Unauthenticated):
        await keyring.caller(asking)
    assert asked == 3


async def test_a_revoked_key_ends_when_that_is_heard(
    world: World, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBER_S", 3600)
    gone, stays = await ledger.keys.new("acme"), await ledger.keys.new("acme")
    leaving, staying = [await world.stranger({"Authorization": f"Bearer {key}"}) for key in (gone, stays)]
    async with asyncio.timeout(30):
        await world.app.state.service.keyring.listening.wait()
        for client in (leaving, staying):
            assert (await client.get("/v1/tasks")).status_code == 200
        assert await ledger.keys.revoke(gone.split("_")[2])
        while (await leaving.get("/v1/tasks")).status_code == 200:
            pass  # the notice is under way

    refused(await leaving.get("/v1/tasks"), 401, "unauthenticated")
    assert (await staying.get("/v1/tasks")).status_code == 200


async def test_a_key_that_ends_while_it_is_looked_up_is_not_remembered(
    world: World, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBER_S", 3600)
    keyring, find = world.app.state.service.keyring, ledger.keys.find
    key, other = await ledger.keys.new("acme"), await ledger.keys.new("acme")
    client, witness = [await world.stranger({"Authorization": f"Bearer {one}"}) for one in (key, other)]

    async def slow(asked: str) -> Any:
        found = await find(asked)
        monkeypatch.setattr(world.app.state.service.ledger.keys, "find", find)
        for ending in (key, other):
            await ledger.keys.revoke(ending.split("_")[2])
        while (await witness.get("/v1/tasks")).status_code == 200:
            pass  # the notice is under way
        return found

    async with asyncio.timeout(30):
        await keyring.listening.wait()
        assert (await witness.get("/v1/tasks")).status_code == 200
        monkeypatch.setattr(world.app.state.service.ledger.keys, "find", slow)
        assert (await client.get("/v1/tasks")).status_code == 200

    refused(await client.get("/v1/tasks"), 401, "unauthenticated")


async def test_whoever_listens_listens_again_when_the_connection_broke(
    world: World, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    monkeypatch.setattr(auth, "REMEMBER_S", 0.05)
    keyring = world.app.state.service.keyring
    connection = await asyncpg.connect(dsn)
    async with asyncio.timeout(30):
        await keyring.listening.wait()
        keyring.listening.clear()
        ended = await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            " AND datname = current_database()"
        )
        await keyring.listening.wait()
    await connection.close()

    assert ended == 1


async def test_memory_of_keys_is_bounded(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr(auth, "_MOST_REMEMBERED", 3)
    for n in range(5):
        client = await world.client(f"account-{n}")
        await submit(client)
        assert len(world.app.state.service.keyring._remembered) <= 3
