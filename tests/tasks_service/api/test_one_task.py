"""Looking at one task, waiting for it, cancelling it, and looking up many."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from schemas.lifecycle import State
from tests.order import not_before_a_bell
from tests.tasks_service.api.conftest import World, eventually, refused, submit

ABSENT = "tsk_0123456789abcdefghjkmnpqrs"


@asynccontextmanager
async def before_others(world: World, acme: httpx.AsyncClient) -> AsyncIterator[None]:
    """What is answered inside is so while another request, held before it and for half its time, has no answer."""
    other = await submit(acme, prompt="another")
    longer = asyncio.create_task(acme.get(f"/v1/tasks/{other['id']}?wait=15"))
    await eventually(lambda: world.app.state.service.waiting.count == 1)
    try:
        yield
        assert not longer.done(), "whoever was to wait for longer was answered first"
    finally:
        longer.cancel()
        await asyncio.wait({longer})


async def test_a_finished_task_has_its_file_at_our_address(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    artifact = await world.finish(task["id"])
    seen = (await acme.get(f"/v1/tasks/{task['id']}")).json()
    assert (seen["state"], seen["progress"]) == ("downloaded", 100)
    url = f"http://127.0.0.1:8787/v1/tasks/{task['id']}/artifacts/0"
    assert seen["artifacts"] == [
        {
            "n": 0,
            "type": "video/mp4",
            "bytes": artifact.bytes,
            "sha256": artifact.sha256,
            "width": 640,
            "height": 360,
            "duration_s": 5.0,
            "url": url,
        }
    ]
    assert seen["finished_at"] <= seen["downloaded_at"]


async def test_a_failed_task_says_why_in_everybodys_words(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    await world.move(task["id"], State.FAILED)
    failure = (await acme.get(f"/v1/tasks/{task['id']}")).json()["failure"]
    assert failure["kind"] == "content_policy_input"
    assert "内容检查" in failure["message_zh"]
    assert "content check" in failure["message_en"]
    assert failure["upstream"] == {"status": 400, "code": "E451", "message": "no kites", "request_id": "up-1"}
    assert (failure["retryable"], failure["spent"], failure["whose_move"]) == (False, "no", "customer")


async def test_a_failed_task_says_what_to_look_at_and_who_acts(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    await world.move(task["id"], State.FAILED)
    failure = (await acme.get(f"/v1/tasks/{task['id']}")).json()["failure"]
    assert (failure["sort"], failure["layer"]) == ("configuration_mistake", "request")
    told = failure["diagnosis"]
    for part in ("check", "admin", "escalate", "prevent"):
        assert told[part]["en"].endswith(".")
        assert told[part]["zh"].endswith("。")
    assert {"prompt", "reference_image", "request_ids"} <= {one["name"] for one in told["evidence"]}
    [listed] = (await acme.get("/v1/tasks")).json()["data"]
    assert listed["failure"] == failure | {"diagnosis": None}, "a list does not say it a hundred times"


async def test_the_route_is_for_staff(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    task = await submit(acme)
    assert task["upstream"] == {"route": None, "provider": "sandbox", "id": None, "url_expires_at": None}
    assert (await staff.get(f"/v1/tasks/{task['id']}")).json()["upstream"]["route"] == "sandbox"


async def test_an_unchanged_task_is_304(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    first = await acme.get(f"/v1/tasks/{task['id']}")
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        same = await acme.get(f"/v1/tasks/{task['id']}", headers={"If-None-Match": given})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert int(same.headers["retry-after"]) >= 1
    await world.move(task["id"], State.QUEUED)
    later = await acme.get(f"/v1/tasks/{task['id']}", headers={"If-None-Match": tag})
    assert (later.status_code, later.json()["state"]) == (200, "queued")
    assert later.headers["etag"] != tag


async def test_live_tasks_are_paced_and_final_ones_are_not(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    await world.finish(task["id"])
    assert "retry-after" not in (await acme.get(f"/v1/tasks/{task['id']}")).headers


async def test_wait_ends_with_the_change(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    async with before_others(world, acme):
        held = asyncio.create_task(acme.get(f"/v1/tasks/{task['id']}?wait=30"))
        await asyncio.sleep(0.5)
        assert not held.done()
        await world.move(task["id"], State.QUEUED)
        assert (await held).json()["state"] == "queued"


async def test_wait_sees_progress_and_parking(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    moved = await world.move(task["id"], State.RUNNING)
    held = asyncio.create_task(acme.get(f"/v1/tasks/{task['id']}?wait=30"))
    await asyncio.sleep(0.3)
    await world.ledger.tasks.note_progress([(moved, 40)])
    assert (await held).json()["progress"] == 40


async def test_wait_gives_up_after_its_time(acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    async with asyncio.timeout(15):
        with not_before_a_bell(1):
            reply = await acme.get(f"/v1/tasks/{task['id']}?wait=1")
    assert reply.json()["state"] == "submitted"


async def test_wait_is_no_wait_for_what_is_over_or_already_news(
    world: World, acme: httpx.AsyncClient
) -> None:
    task = await submit(acme)
    path = f"/v1/tasks/{task['id']}?wait=30"
    async with before_others(world, acme):
        reply = await acme.get(path, headers={"If-None-Match": '"what I saw last"'})
        assert reply.status_code == 200
        await world.move(task["id"], State.FAILED)
        assert (await acme.get(path)).json()["state"] == "failed"


async def test_wait_with_a_tag_is_304_when_nothing_happens(acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    tag = (await acme.get(f"/v1/tasks/{task['id']}")).headers["etag"]
    headers = {"If-None-Match": tag}
    with not_before_a_bell(1):
        reply = await acme.get(f"/v1/tasks/{task['id']}?wait=1", headers=headers)
    assert reply.status_code == 304


async def test_many_wait_on_one_query_at_a_time(world: World, acme: httpx.AsyncClient) -> None:
    tasks = [await submit(acme, prompt=f"kite {n}") for n in range(20)]
    held = [
        asyncio.create_task(acme.get(f"/v1/tasks/{task['id']}?wait=30")) for task in tasks for _ in range(10)
    ]
    waiting = world.app.state.service.waiting
    await eventually(lambda: waiting.count == 200)
    for task in tasks:
        await world.move(task["id"], State.QUEUED)
    assert {reply.json()["state"] for reply in await asyncio.gather(*held)} == {"queued"}
    assert waiting.count == 0


async def test_more_waiters_than_there_is_room_for_are_told_so(world: World, acme: httpx.AsyncClient) -> None:
    world.app.state.service.waiting._limit = 1
    task = await submit(acme)
    first = asyncio.create_task(acme.get(f"/v1/tasks/{task['id']}?wait=2"))
    await eventually(lambda: world.app.state.service.waiting.count == 1)
    reply = await acme.get(f"/v1/tasks/{task['id']}?wait=2")
    refused(reply, 429, "too_many_requests")
    assert int(reply.headers["retry-after"]) >= 1
    assert (await first).status_code == 200


@pytest.mark.parametrize("wait", ["61", "-1", "1.5", "x", "", "1e1", "\u0663", "1&wait=2", "9" * 400])
async def test_wait_is_0_to_60_seconds(acme: httpx.AsyncClient, wait: str) -> None:
    task = await submit(acme)
    problem = refused(await acme.get(f"/v1/tasks/{task['id']}?wait={wait}"), 400, "malformed_request")
    assert problem["problems"][0]["parameter"] == "wait"


@pytest.mark.parametrize(
    "name",
    [
        ABSENT,
        "1",
        "tsk_",
        "x" * 5000,
        "tsk_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "%00",
        "..%2f..",
        "' OR 1=1--",
        "ﬆ",
        "İ" * 26,
    ],
)
async def test_what_is_not_there_is_404(acme: httpx.AsyncClient, name: str) -> None:
    refused(await acme.get(f"/v1/tasks/{name}"), 404, "not_found")


async def test_cancelling_before_anything_was_spent_is_certain(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    reply = await acme.post(f"/v1/tasks/{task['id']}/cancel")
    assert reply.status_code == 202
    assert (reply.json()["state"], reply.json()["failure"]["kind"]) == ("failed", "canceled")
    assert reply.json()["failure"]["spent"] == "no"
    again = await acme.post(f"/v1/tasks/{task['id']}/cancel")
    assert refused(again, 409, "not_cancelable")["state"] == "failed"
    assert again.headers["x-should-retry"] == "false"
    await submit(acme)


async def test_cancelling_later_is_a_wish(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    await world.move(task["id"], State.QUEUED)
    for _ in range(2):
        reply = await acme.post(f"/v1/tasks/{task['id']}/cancel")
        assert (reply.status_code, reply.json()["state"]) == (202, "queued")
        assert reply.json()["cancel_requested_at"]
    notes = await world.ledger.history.notes((await world.task(task["id"])).id)
    assert [note["reason"] for note in notes] == ["cancel_requested"]


async def test_what_the_upstream_cannot_stop_is_not_cancelable(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme, model="sora-2")
    await world.move(task["id"], State.RUNNING)
    problem = refused(await acme.post(f"/v1/tasks/{task['id']}/cancel"), 409, "not_cancelable")
    assert "no way to stop" in problem["detail"]
    assert (await world.task(task["id"])).cancel_requested_at is None


async def test_many_cancels_at_once_end_a_task_once(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    replies = await asyncio.gather(*(acme.post(f"/v1/tasks/{task['id']}/cancel") for _ in range(24)))
    assert {reply.status_code for reply in replies} <= {202, 409}
    assert any(reply.status_code == 202 for reply in replies)
    events = await world.ledger.history.events((await world.task(task["id"])).id)
    assert [event["to_state"] for event in events] == ["submitted", "failed"]


async def test_a_cancel_and_a_finish_at_once_agree(world: World, acme: httpx.AsyncClient) -> None:
    async def race(name: str) -> tuple[int, str]:
        moving: Callable[..., Any] = world.move
        replies = await asyncio.gather(
            acme.post(f"/v1/tasks/{name}/cancel"), moving(name, State.FAILED), return_exceptions=True
        )
        assert isinstance(replies[0], httpx.Response)
        seen = (await acme.get(f"/v1/tasks/{name}")).json()
        return replies[0].status_code, seen["failure"]["kind"]

    for n in range(15):
        task = await submit(acme, prompt=f"kite {n}")
        status, kind = await race(task["id"])
        assert (status == 202) == (kind == "canceled"), (status, kind)


async def test_many_are_looked_up_in_one_call(world: World, acme: httpx.AsyncClient) -> None:
    mine = [await submit(acme, prompt=f"kite {n}") for n in range(3)]
    theirs = await submit(await world.client("globex"))
    await world.move(mine[1]["id"], State.FAILED)
    ids = [mine[2]["id"], "nonsense", theirs["id"], mine[1]["id"], ABSENT, mine[2]["id"]]
    found = (await acme.post("/v1/tasks/lookup", json={"ids": ids})).json()
    assert [entry["id"] for entry in found["data"]] == [mine[2]["id"], mine[1]["id"]]
    assert found["data"][1] == {
        "id": mine[1]["id"],
        "state": "failed",
        "progress": None,
        "parked": None,
        "failure": "content_policy_input",
    }
    assert found["missing"] == ["nonsense", theirs["id"], ABSENT]


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": [ABSENT] * 201}, {"ids": [1]}, {"ids": "x"}, {"id": [ABSENT]}]
)
async def test_a_lookup_takes_1_to_200_ids(acme: httpx.AsyncClient, body: dict[str, Any]) -> None:
    refused(await acme.post("/v1/tasks/lookup", json=body), 400, "malformed_request")
    assert (await acme.post("/v1/tasks/lookup", json={"ids": [ABSENT] * 200})).json()["missing"] == [ABSENT]
