"""An upstream's callback is a bell: whoever watches looks at once, and nothing that it says is believed."""

import asyncio
import re
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from schemas.ids import task_id_text
from schemas.lifecycle import State
from tests.order import beating
from workers.sandbox.callbacks import EVIL

from .callbacks import Doorstep, doorstep, looked, looks

MODELS = ("sandbox-image-1-fast", "kling-v1-6", "doubao-seedance-1-0-lite-t2v-250428")


@pytest.mark.parametrize("model", MODELS)
async def test_what_is_looked_at_once_an_hour_is_seen_done_when_its_upstream_rings(door, model):
    world = door.world
    async with world.working(callback_base_url=door.url):
        task = await world.accepts(model, script="run=2")
        ended = await world.until(task)

    assert ended.state is State.DOWNLOADED
    assert (await door.called_back()).keys() == {"204"}


async def test_what_nobody_rings_for_waits_for_its_pace_and_one_ring_is_enough(door, watched):
    task = await watched("run=0.1")
    await asyncio.sleep(2)

    assert (await looks(door), (await door.world.task(task.id)).state) == (0, task.state)

    assert await door.ring(await door.address(task)) == 204
    assert (await door.world.until(task)).state is State.DOWNLOADED


async def test_without_an_address_of_ours_the_upstream_is_told_none(door):
    world = door.world
    task = await world.accepts(script="run=0.1")
    async with world.working():
        await world.until(task, State.QUEUED, State.RUNNING)
        await asyncio.sleep(1)

    assert (await door.called_back(), await looks(door)) == ({}, 0)


async def test_a_thousand_rings_are_a_look_a_second_and_leave_nothing_behind(door, watched):
    task = await watched()
    address = await door.address(task)
    async with AsyncExitStack() as until_then:
        seconds = until_then.enter_context(beating(1))
        # Another worker waits for whatever is due.
        await until_then.enter_async_context(door.world.working(callback_base_url=door.url))
        client = await until_then.enter_async_context(httpx.AsyncClient(timeout=60))

        async def rings(number: int) -> set[int]:
            return {(await client.post(address, json={})).status_code for _ in range(number)}

        answers = await asyncio.gather(*(rings(250) for _ in range(4)))
        await looked(door, 1)
        beats = len(seconds)
        await asyncio.sleep(2.5)  # for what was rung for last
        after = await looks(door)
        await asyncio.sleep(2)

    assert set().union(*answers) == {204}
    assert 1 <= after <= beats + 4
    assert await looks(door) == after
    now = await door.world.task(task.id)
    assert now.claim == task.claim, "its watcher lost it"
    assert len(await door.world.causes(task)) <= 3
    assert len(await door.world.calls(task, "poll")) == 1


async def test_an_address_that_is_not_the_tasks_own_rings_for_nobody(door, watched):
    task = await watched()
    known = await door.address(task)
    before = await door.world.task(task.id)
    last = known[-1]
    wrong = [
        known[:-1] + ("A" if last != "A" else "B"),
        known[:-1],
        known + "A",
        known.replace("/sandbox/", "/kling/"),
        known.replace("/sandbox/", "/no-such-route/"),
        await door.address(task, attempt=2),
        await door.address(task, attempt=0),
        await door.address(task, route="kling"),
        f"{door.url}/v1/callbacks/sandbox/{task.id}",
        f"{door.url}/v1/callbacks/sandbox/%00",
    ]

    assert [await door.ring(address) for address in wrong] == [404] * len(wrong)
    await asyncio.sleep(1)
    assert await looks(door) == 0
    assert (await door.world.task(task.id)).claim == before.claim


async def test_a_ring_for_what_is_over_is_taken_and_changes_nothing(door, watched):
    task = await watched("run=0.1")
    address = await door.address(task)
    await door.ring(address)
    ended = await door.world.until(task, State.DOWNLOADED)
    seen = await looks(door)

    assert [await door.ring(address) for _ in range(3)] == [204] * 3
    await asyncio.sleep(2)
    assert (await looks(door), await door.world.task(task.id)) == (seen, ended)


async def test_a_ring_that_says_done_and_where_is_answered_by_a_look_and_not_believed(door):
    world = door.world
    async with world.working(callback_base_url=door.url):
        task = await world.accepts(script="queue=2 end=never callback=lies callback_times=20")
        await looked(door, 1)
        now = await world.task(task.id)

    assert now.state in (State.QUEUED, State.RUNNING)
    assert (await door.called_back()).keys() == {"204"}
    assert not [row for row in await dump(door) if EVIL in row or "evil.test" in row]


async def test_a_huge_body_is_refused_and_rings_for_nobody(door, watched):
    task = await watched()
    address = await door.address(task)

    async def endless():
        for _ in range(64):
            yield b"x" * 65536

    assert await door.ring(address, b"x" * 70_000) == 413
    async with httpx.AsyncClient(timeout=30) as client:
        assert (await client.post(address, content=endless())).status_code == 413
    await asyncio.sleep(1)
    assert await looks(door) == 0
    assert await door.ring(address, b"x" * 60_000) == 204
    await looked(door, 1)


async def test_who_knows_an_address_and_sends_slowly_keeps_out_neither_customers_nor_rings(world):
    async with doorstep(world, max_in_flight=80) as door:
        task = await world.accepts(script="run=0.1 callback=silent")
        async with world.working(callback_base_url=door.url):
            await world.until(task)
        address = await door.address(task)
        begun = f"POST {urlsplit(address).path} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{".encode()
        lines = [await asyncio.open_connection("127.0.0.1", urlsplit(address).port) for _ in range(90)]
        for _, writer in lines:
            writer.write(begun)
        await asyncio.sleep(1)  # until all of them have arrived

        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        writer.write(begun)
        said = await reader.read()
        writer.close()
        assert said.startswith(b"HTTP/1.1 204 ")
        assert b"connection: close" in said.lower()
        assert await door.ring(address) == 204
        async with httpx.AsyncClient(base_url=door.url) as client:
            assert (await client.get("/v1/models")).status_code == 401, "it is not told to come again"
        for _, writer in lines:
            writer.close()


async def test_the_address_is_in_no_table_no_log_no_answer_and_no_metric(door, capsys, caplog):
    world = door.world
    async with world.working(callback_base_url=door.url):
        task = await world.accepts(script="run=2")
        await world.until(task, State.QUEUED, State.RUNNING)
        await door.ring((await door.address(task))[:-1] + "-")
        ended = await world.until(task)
    async with httpx.AsyncClient(base_url=door.url) as client:
        key = await world.ledger.keys.new("acme")
        client.headers["authorization"] = f"Bearer {key}"
        name = f"/v1/tasks/{task_id_text(task.id)}"
        paths = [name, f"{name}/history", f"{name}/bundle", "/metrics"]
        answers = [(await client.get(path)).text for path in paths]
    out = capsys.readouterr()
    said = [*answers, out.out, out.err, caplog.text, *(await dump(door))]

    assert ended.state is State.DOWNLOADED
    assert "callback" in out.out + out.err
    assert 'creative_tasks_callbacks_total{outcome="rung",route="sandbox"}' in answers[-1]
    assert 'outcome="unknown",route="sandbox"' in answers[-1]
    secret = (await door.address(task)).rpartition("/")[2]
    assert not [text for text in said if "ct_bell_" in text or secret[8:] in text]


async def dump(door: Doorstep) -> list[str]:
    """Every row of every table."""
    connection = await asyncpg.connect(door.settings.database_url.get_secret_value())
    tables = await connection.fetch(
        """SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
           WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition"""
    )
    rows = [
        row["text"]
        for table in tables
        for row in await connection.fetch(f'SELECT t::text AS text FROM "{table["name"]}" t')
    ]
    await connection.close()
    assert any(re.search("sandbox", row) for row in rows)
    return rows
