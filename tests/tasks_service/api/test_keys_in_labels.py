"""A whole key in what a customer files a task under: refused before anything is kept, logged or said again."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from schemas.ids import parse_task_id
from tests.tasks_service.api.conftest import World, submit, wish
from tests.tasks_service.api.wire import Running, serving

KEY = "q8Zr2LmT5vXw9KpB3nYc7HdF"
LABELS: dict[str, tuple[dict[str, Any], str]] = {
    "external id": ({"external_id": f"sk-{KEY}"}, "/external_id"),
    "name in metadata": ({"metadata": {f"sk-{KEY}": "x"}}, "/metadata"),
    "metadata": ({"metadata": {"of": f"sk-{KEY}"}}, "/metadata/of"),
    "named so": ({"metadata": {"api_key": KEY}}, "/metadata/api_key"),
    "query of a callback": ({"callback_url": f"https://example.com/?api_key={KEY}"}, "/callback_url"),
    "user of a callback": ({"callback_url": f"https://me:{KEY}@example.com/"}, "/callback_url"),
    "beside a form that is wrong": ({"external_id": f"sk-{KEY}", "n": "two"}, "/external_id"),
    "beside another model": ({"external_id": f"sk-{KEY}", "model": "nope"}, "/external_id"),
}
EACH = pytest.mark.parametrize(("label", "pointer"), LABELS.values(), ids=LABELS)


@EACH
async def test_it_is_refused_with_where_it_is_and_not_repeated(
    acme: httpx.AsyncClient, label: dict[str, Any], pointer: str
) -> None:
    reply = await acme.post("/v1/tasks", json=wish(**label))
    [found] = [one for one in reply.json()["problems"] if one["code"] == "whole_key"]

    assert reply.status_code in (400, 422)
    assert (found["pointer"], found.get("got")) == (pointer, None)
    assert "…7HdF" in found["detail"]
    assert KEY not in f"{reply.text} {reply.headers}"


@EACH
async def test_who_only_asks_what_would_be_said_is_told_the_same(
    acme: httpx.AsyncClient, label: dict[str, Any], pointer: str
) -> None:
    reply = await acme.post("/v1/tasks?validate_only=true", json=wish(**label))

    assert ("whole_key", pointer) in {(one["code"], one["pointer"]) for one in reply.json()["problems"]}
    assert KEY not in reply.text


def test_nothing_of_it_is_kept_or_logged(dsn: str, tmp_path: Path) -> None:
    with serving(dsn, tmp_path) as running:
        statuses = asyncio.run(all_sent(running))

    assert statuses == {400, 422}
    assert b'"listening"' in b"".join(running.lines)
    assert KEY not in b"".join(running.lines).decode()
    assert asyncio.run(rows_with(dsn, KEY)) == []


async def all_sent(running: Running) -> set[int]:
    """Each under an id of its own; which answers came."""
    async with running.client() as client:
        return {
            (
                await client.post("/v1/tasks", json=wish(**label), headers={"Idempotency-Key": pointer})
            ).status_code
            for label, pointer in LABELS.values()
        }


async def rows_with(dsn: str, word: str) -> list[str]:
    """Every row of every table that holds it, in any column."""
    connection = await asyncpg.connect(dsn)
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    found: list[str] = []
    for (table,) in tables:
        rows = await connection.fetch(
            f'SELECT to_jsonb(t)::text FROM "{table}" t WHERE strpos(to_jsonb(t)::text, $1) > 0', word
        )
        found += [row[0] for row in rows]
    await connection.close()
    return found


async def test_the_search_of_the_rows_finds_what_is_there(
    world: World, acme: httpx.AsyncClient, dsn: str
) -> None:
    name = (await submit(acme, external_id="order-17"))["id"]

    assert any(str(parse_task_id(name)) in row for row in await rows_with(dsn, "order-17"))


async def test_a_masked_key_is_an_id_like_any_other(acme: httpx.AsyncClient) -> None:
    task = await submit(acme, external_id="sk-q8Zr***7HdF", metadata={"api_key": "the second"})

    assert (task["external_id"], task["metadata"]) == ("sk-q8Zr***7HdF", {"api_key": "the second"})
