"""Lists: filters, words and pages."""

import asyncio
import base64
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from schemas.lifecycle import Parked, State
from tests.tasks_service.api.conftest import World, refused, submit


async def ids(client: httpx.AsyncClient, query: str = "") -> list[str]:
    reply = await client.get(f"/v1/tasks?{query}")
    assert reply.status_code == 200, reply.text
    return [task["id"] for task in reply.json()["data"]]


async def test_pages_neither_skip_nor_repeat_while_tasks_arrive(acme: httpx.AsyncClient) -> None:
    made = [
        task["id"] for task in await asyncio.gather(*(submit(acme, prompt=f"kite {n}") for n in range(60)))
    ]
    seen: list[str] = []
    after = ""
    while True:
        page = (await acme.get(f"/v1/tasks?limit=7{after}")).json()
        seen += [task["id"] for task in page["data"]]
        await submit(acme, prompt=f"late {len(seen)}")
        if not page["has_more"]:
            assert page["next"] is None
            break
        assert len(page["data"]) == 7
        after = f"&after={page['next']}"
    assert seen == sorted(made, reverse=True)


async def test_a_page_has_50_unless_asked(acme: httpx.AsyncClient) -> None:
    await asyncio.gather(*(submit(acme, prompt=f"kite {n}") for n in range(55)))
    assert len(await ids(acme)) == 50
    assert len(await ids(acme, "limit=200")) == 55
    exactly = (await acme.get("/v1/tasks?limit=55")).json()
    assert (exactly["has_more"], exactly["next"]) == (False, None)


async def test_every_filter_narrows(world: World, acme: httpx.AsyncClient) -> None:
    video = await submit(acme, external_id="order-7", metadata={"team": "ads", "job": "1"})
    image = await submit(acme, model="sandbox-image-1", metadata={"team": "ads"})
    failed = await submit(acme, prompt="100% of kites_flew \\ away")
    await world.move(failed["id"], State.FAILED)
    queued = await world.move(video["id"], State.QUEUED)
    await world.ledger.tasks.park(queued, Parked.STALLED, timedelta(minutes=5), "worker", None)
    all_of = {
        "": [failed, image, video],
        "state=queued": [video],
        "state=queued,failed": [failed, video],
        "state=queued&state=failed": [failed, video],
        "state=done": [],
        "model=sandbox-image-1": [image],
        "kind=video": [failed, video],
        "external_id=order-7": [video],
        f"upstream_id={queued.upstream_id}": [video],
        "failure_kind=content_policy_input": [failed],
        "parked=stalled": [video],
        "parked=true": [video],
        "parked=outcome_unknown": [],
        "metadata.team=ads": [image, video],
        "metadata.team=ads&metadata.job=1": [video],
        "metadata.team=x": [],
        f"key={video['key']}": [failed, image, video],
        "key=other": [],
        "q=KITES_flew": [failed],
        "q=100%25%20of": [failed],
        "q=0%25k": [],
        "q=s_f": [failed],
        "q=t_s": [],
        "q=%5C": [failed],
        "q=no%20kites": [failed],
        "q=red%20kite": [image, video],
        "q=order-7": [video],
        f"q={queued.upstream_id}": [video],
        f"q={image['id']}": [image],
        f"q={image['id'].upper().removeprefix('TSK_')}": [image],
        "q=red%20kite&state=queued": [video],
    }
    for query, tasks in all_of.items():
        assert await ids(acme, query) == [task["id"] for task in tasks], query


async def test_a_list_shows_tasks_whole(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    await world.finish(task["id"])
    listed = (await acme.get("/v1/tasks")).json()["data"][0]
    assert listed == (await acme.get(f"/v1/tasks/{task['id']}")).json()
    assert len(listed["artifacts"]) == 1


async def test_created_after_includes_and_created_before_excludes(acme: httpx.AsyncClient) -> None:
    made: list[dict[str, Any]] = []
    for n in range(5):
        made.append(await submit(acme, prompt=f"kite {n}"))
        await asyncio.sleep(0.01)
    middle = made[2]["created_at"]
    newer, older = [task["id"] for task in made[:1:-1]], [task["id"] for task in made[1::-1]]
    assert await ids(acme, f"created_after={middle}") == newer
    assert await ids(acme, f"created_before={middle}") == older
    shanghai = (datetime.fromisoformat(middle) + timedelta(hours=8)).isoformat()[:23] + "+08:00"
    assert await ids(acme, f"created_after={shanghai}") == newer, "a plus that was not escaped"
    assert await ids(acme, f"created_after={quote(shanghai)}") == newer
    assert await ids(acme, f"created_after={middle}&created_before={middle}") == []
    assert (
        await ids(acme, "created_after=1999-01-01T00:00:00z&created_before=9998-01-01t00:00:00Z&limit=1")
        == newer[:1]
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("created_after=0001-01-01T00:00:00Z", True),
        ("created_after=0001-01-01T00:00:00.000000001Z", True),
        ("created_before=9999-12-31T23:59:59Z", True),
        ("created_before=9999-12-31T23:59:59.999999999Z", True),
        ("created_before=0001-01-01T00:00:00Z", False),
        ("created_before=1969-12-31T23:59:59.999Z", False),
        ("created_after=9999-12-31T23:59:59.999999999Z", False),
    ],
)
async def test_the_first_and_the_last_moment_are_moments(
    acme: httpx.AsyncClient, query: str, found: bool
) -> None:
    task = await submit(acme)
    assert await ids(acme, query) == ([task["id"]] if found else [])


async def test_an_empty_value_of_metadata_can_be_asked_for(acme: httpx.AsyncClient) -> None:
    empty = await submit(acme, metadata={"team": "", "x": " "})
    await submit(acme, prompt="other", metadata={"team": "ads"})
    assert await ids(acme, "metadata.team=") == [empty["id"]]
    assert await ids(acme, "metadata.team=&metadata.x=%20") == [empty["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=1000000000",
        "limit=-1",
        "limit=x",
        "limit=1&limit=2",
        "state=lost",
        "state=queued,",
        "state=",
        "kind=music",
        "failure_kind=bad",
        "parked=no",
        "created_after=yesterday",
        "created_after=2026-11-21",
        "created_after=2026-11-21T08:30:00",
        "created_after=2026-13-21T08:30:00Z",
        "created_after=2026-11-21T99:30:00Z",
        "created_after=0001-01-01T00:00:00%2B14:00",
        "created_before=9999-12-31T23:59:59-14:00",
        "model=a%00b",
        "q=%00",
        "metadata.a%00=b",
        "metadata.=b",
        "model=" + "x" * 1001,
        "metadata.=",
        "metadata.a=1&metadata.a=2",
        "q=" + "x" * 4001,
        "offset=10",
        "sort=created_at",
        "stat=queued",
        "after=x",
    ],
)
async def test_odd_queries_are_refused_by_name(acme: httpx.AsyncClient, query: str) -> None:
    problem = refused(await acme.get(f"/v1/tasks?{query}"), 400, "malformed_request")
    assert problem["problems"][0]["parameter"].split("\x00")[0] in query


async def test_an_unknown_parameter_names_the_known_ones(acme: httpx.AsyncClient) -> None:
    problem = refused(await acme.get("/v1/tasks?stat=x&offset=1&limit=0"), 400, "malformed_request")
    assert {entry["parameter"] for entry in problem["problems"]} == {"stat", "offset", "limit"}
    assert "Did you mean state?" in problem["problems"][0]["detail"]
    assert "metadata.KEY" in problem["problems"][0]["allowed"]


async def test_a_cursor_that_was_changed_or_is_another_lists_is_refused(acme: httpx.AsyncClient) -> None:
    await asyncio.gather(*(submit(acme, prompt=f"kite {n}") for n in range(4)))
    cursor: str = (await acme.get("/v1/tasks?limit=2&kind=video")).json()["next"]
    raw = bytearray(base64.urlsafe_b64decode(cursor))
    raw[3] ^= 1
    bad = [
        base64.urlsafe_b64encode(raw).decode(),
        cursor[:-4],
        cursor[:-1] + ("A" if cursor[-1] != "A" else "B"),
        cursor + "AAAA",
        "%20" + cursor,
        "é" * 8,
        "A" * 900,
    ]
    for after in bad:
        refused(await acme.get(f"/v1/tasks?kind=video&after={after}"), 400, "malformed_request")
    refused(await acme.get(f"/v1/tasks?kind=image&after={cursor}"), 400, "malformed_request")
    assert len(await ids(acme, f"kind=video&limit=200&after={cursor}")) == 2


async def test_staff_list_every_account_and_customers_only_their_own(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    mine, theirs = await submit(acme), await submit(await world.client("globex"))
    assert await ids(acme) == [mine["id"]]
    assert await ids(staff) == [theirs["id"], mine["id"]]
    assert await ids(staff, "account=globex") == [theirs["id"]]
    assert await ids(staff, "account=nobody") == []
    refused(await acme.get("/v1/tasks?account=globex"), 403, "forbidden")
    refused(await acme.get("/v1/tasks?account=acme"), 403, "forbidden")
    for hidden in (f"q={theirs['id']}", f"key={theirs['key']}", "q=red"):
        assert theirs["id"] not in await ids(acme, hidden)
