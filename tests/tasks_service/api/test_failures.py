"""Groups of failures over HTTP: what staff and customers see of them, and what a person says."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from tasks_service.ledger.tasks import Move
from tests.tasks_service.api.conftest import World, refused, submit

REASON = "the vendor repairs it"
Fail = Callable[..., Awaitable[str]]


@pytest.fixture
def fail(world: World) -> Fail:
    """Has a new task of a customer fail; the answer is its group."""
    made = 0

    async def bring(client: httpx.AsyncClient, code: str = "E451", words: str = "no kites") -> str:
        nonlocal made
        made += 1
        name = (await submit(client, prompt=f"kite {made}"))["id"]
        failure = Failure(
            FailureKind.CONTENT_POLICY_INPUT, f"{words} (request id: 20260101{made}Xy)", code, 400
        )
        move = Move(State.FAILED, "provider", "refused", failure=failure)
        task = await world.ledger.tasks.advance(await world.task(name), move)
        return str(task.failure_group)

    return bring


async def get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    reply = await client.get(path)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def say(client: httpx.AsyncClient, group: str, state: str, **more: Any) -> httpx.Response:
    body = {"state": state, "reason": REASON} | more
    return await client.post(f"/v1/failures/{group}/state", json=body)


async def test_a_failed_task_names_its_group_and_the_group_its_tasks(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    group = await fail(acme)
    assert await fail(acme) == group

    [task, _] = (await get(acme, "/v1/tasks"))["data"]
    assert task["failure"]["group"] == group
    [listed] = (await get(staff, "/v1/failures"))["data"]
    assert (listed["group"], listed["cases"], listed["state"], listed["accounts"]) == (group, 2, "new", 1)
    assert (listed["kind"], listed["code"], listed["words"]) == ("content_policy_input", "E451", "no kites")
    assert listed["charged"] == {"yes": 0, "no": 2, "unknown": 0}
    whole = await get(staff, f"/v1/failures/{group}")
    assert listed.items() <= whole.items()
    assert whole["data"][0]["task"] == task["id"]
    assert whole["data"][0]["upstream"] == task["failure"]["upstream"]
    assert whole["affected"] == [{"account": "acme", "cases": 2}]


async def test_customers_see_their_own_part_of_a_group_and_nothing_of_others(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    globex = await world.client("globex")
    group = await fail(acme, words="no kites at https://secret-gateway.test/x")
    assert await fail(globex, words="no kites at https://other-gateway.test/y") == group
    hidden = await fail(globex, code="E999")
    await say(staff, group, "known")

    page, whole = await get(acme, "/v1/failures"), await get(acme, f"/v1/failures/{group}")

    [listed] = page["data"]
    assert (listed["group"], listed["cases"], listed["state"]) == (group, 1, "known")
    assert [whole[name] for name in ("accounts", "routes", "affected", "changes")] == [None] * 4
    [case] = whole["data"]
    assert (case["account"], case["route"]) == ("acme", None)
    article = (await acme.get(f"/v1/failures/{group}/article")).text
    for told in (str(page), str(whole), article):
        assert not any(name in told for name in ("globex", "gateway", REASON, hidden, "sandbox-route"))
    refused(await acme.get(f"/v1/failures/{hidden}"), 404, "not_found")
    assert [one["cases"] for one in (await get(staff, "/v1/failures"))["data"]] == [1, 2]


async def test_what_a_person_says_is_kept_with_who_and_why(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    group = await fail(acme)
    until = (datetime.now(UTC) + timedelta(hours=3)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    muted = await say(staff, group, "muted", until=until)
    known = await say(staff, group, "known", reason="  厂商已确认  ")

    assert (muted.status_code, muted.json()["state"], muted.json()["muted_until"]) == (200, "muted", until)
    assert (known.json()["state"], known.json()["muted_until"]) == ("known", None)
    last, first = (await get(staff, f"/v1/failures/{group}"))["changes"]
    assert (first["from_state"], first["to_state"], first["muted_until"]) == ("new", "muted", until)
    assert (last["from_state"], last["to_state"], last["reason"]) == ("muted", "known", "厂商已确认")
    assert last["actor"].startswith("person:")


async def test_a_failure_reopens_what_was_resolved(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    group = await fail(acme)
    assert (await say(staff, group, "resolved")).json()["state"] == "resolved"
    assert (await get(staff, "/v1/failures?state=reopened"))["data"] == []

    await fail(acme)

    [listed] = (await get(staff, "/v1/failures?state=reopened,muted"))["data"]
    assert (listed["group"], listed["state"]) == (group, "reopened")
    assert (await get(acme, f"/v1/failures/{group}"))["state"] == "reopened"


async def test_what_stands_so_already_is_a_conflict_that_writes_nothing(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    group = await fail(acme)
    await say(staff, group, "known")

    problem = refused(await say(staff, group, "known"), 409, "state_conflict")

    assert (problem["state"], problem["muted_until"]) == ("known", None)
    assert len((await get(staff, f"/v1/failures/{group}"))["changes"]) == 1


async def test_of_many_who_say_something_at_once_each_is_on_record_or_refused(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    group = await fail(acme)
    words = ["known", "resolved"] * 4

    replies = await asyncio.gather(*(say(staff, group, word) for word in words))

    assert {reply.status_code for reply in replies} <= {200, 409}
    heard = sum(reply.status_code == 200 for reply in replies)
    changes = (await get(staff, f"/v1/failures/{group}"))["changes"]
    assert len(changes) == heard >= 1


@pytest.mark.parametrize("role", ["customer", "support", "operator", "admin"])
async def test_staff_says_and_customers_do_not(
    world: World, acme: httpx.AsyncClient, fail: Fail, role: str
) -> None:
    group = await fail(acme)
    client = await world.client("acme", role)

    reply = await say(client, group, "known")

    if role == "customer":
        refused(reply, 403, "forbidden")
    else:
        assert reply.status_code == 200
    assert (await get(acme, f"/v1/failures/{group}"))["state"] == ("new" if role == "customer" else "known")


SOON = "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"state": "known"}, "/reason", "required"),
        ({"state": "known", "reason": "  x "}, "/reason", "too_short"),
        ({"state": "known", "reason": "a\nb c"}, "/reason", "wrong_format"),
        ({"reason": REASON}, "/state", "required"),
        ({"state": "new", "reason": REASON}, "/state", "not_offered"),
        ({"state": "reopened", "reason": REASON}, "/state", "not_offered"),
        ({"state": "fixed", "reason": REASON}, "/state", "not_offered"),
        ({"state": "muted", "reason": REASON}, "/until", "required"),
        ({"state": "known", "reason": REASON, "until": SOON}, "/until", "wrong_type"),
        ({"state": "muted", "reason": REASON, "until": "tomorrow"}, "/until", "wrong_type"),
        ({"state": "muted", "reason": REASON, "until": "2030-01-01T00:00:00"}, "/until", "wrong_type"),
        ({"state": "muted", "reason": REASON, "until": 17}, "/until", "wrong_type"),
        ({"state": "muted", "reason": REASON, "until": "2020-01-01T00:00:00Z"}, "/until", "out_of_range"),
        ({"state": "muted", "reason": REASON, "until": "9999-12-31T23:59:59Z"}, "/until", "out_of_range"),
        ({"state": "known", "reason": REASON, "why": 1}, "/why", "unknown_field"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_written(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail, body: Any, pointer: str, code: str
) -> None:
    group = await fail(acme)

    reply = await staff.post(f"/v1/failures/{group}/state", json=body)

    [problem] = refused(reply, 400, "malformed_request")["problems"]
    assert (problem["pointer"], problem["code"]) == (pointer, code)
    assert (await get(staff, f"/v1/failures/{group}"))["changes"] == []


async def pages(client: httpx.AsyncClient, path: str, between: Callable[[], Awaitable[str]]) -> list[str]:
    seen: list[str] = []
    after = ""
    while True:
        page = await get(client, f"{path}?limit=2{after}")
        seen += [one.get("group") or one["task"] for one in page["data"]]
        await between()
        if not page["has_more"]:
            assert page["next"] is None
            return seen
        after = f"&after={page['next']}"


async def test_pages_fit_together_while_tasks_fail(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    groups = [await fail(acme, code=f"E{number}") for number in range(5)]
    assert await pages(staff, "/v1/failures", lambda: fail(acme, code="E0")) == list(reversed(groups))

    tasks = [one["task"] for one in (await get(staff, f"/v1/failures/{groups[0]}"))["data"]]
    assert len(tasks) == 4
    assert await pages(acme, f"/v1/failures/{groups[0]}", lambda: fail(acme, code="E0")) == tasks


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "state=lost", "kind=bad", "provider=nobody", "since=yesterday", "since=2026-11-21",
     "after=x", "after=%C3%A9", "sort=cases", "state=new&limit=x"],
)  # fmt: skip
async def test_odd_queries_are_refused_by_name(staff: httpx.AsyncClient, query: str) -> None:
    problem = refused(await staff.get(f"/v1/failures?{query}"), 400, "malformed_request")
    assert problem["problems"][0]["parameter"] in query


async def test_a_cursor_is_good_for_its_own_list_only(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail
) -> None:
    groups = [await fail(acme, code=f"E{number}") for number in (1, 2, 2)]
    cursor = (await get(staff, "/v1/failures?limit=1"))["next"]
    of_cases = (await get(staff, f"/v1/failures/{groups[1]}?limit=1"))["next"]
    for client, path in (
        (staff, f"/v1/failures?state=new&after={cursor}"),
        (acme, f"/v1/failures?after={cursor}"),
        (staff, f"/v1/failures?after={of_cases}"),
        (staff, f"/v1/failures/{groups[0]}?after={of_cases}"),
        (staff, f"/v1/failures?after={cursor[:-4]}AAAA"),
    ):
        refused(await client.get(path), 400, "malformed_request")


@pytest.mark.parametrize("name", ["v1:00000000000000000000", "v1:x", "x", "%00", "v1:" + "0" * 500])
async def test_what_is_no_group_is_not_found(staff: httpx.AsyncClient, name: str) -> None:
    for method, path in (("GET", ""), ("GET", "/article"), ("POST", "/state")):
        refused(await staff.request(method, f"/v1/failures/{name}{path}"), 404, "not_found")


@pytest.mark.parametrize(("lang", "title"), [("en", "## What people see"), ("zh", "## 用户看到的情况")])
async def test_an_article_is_markdown_in_the_language_asked_for(
    acme: httpx.AsyncClient, staff: httpx.AsyncClient, fail: Fail, lang: str, title: str
) -> None:
    group = await fail(acme, words="account acme may not draw kites")

    reply = await staff.get(f"/v1/failures/{group}/article?lang={lang}")

    assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
    assert title in reply.text
    assert "account {name} may not draw kites" in reply.text
    assert "acme" not in reply.text
    refused(await staff.get(f"/v1/failures/{group}/article?lang=fr"), 400, "malformed_request")
