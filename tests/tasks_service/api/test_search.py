"""One box for everything: what people paste leads to the task, and to nobody else's."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from schemas.redaction import Redactor
from tasks_service.ledger.tasks import Move
from tests.tasks_service.api.conftest import World, refused, submit, wish

PASTED = (
    '{{"error":{{"message":"upstream said no (request id: {upstream_request_id}) for {upstream_id}",'
    '"type":"rix_api_error"}}}}\n401'
)


async def asked(
    client: httpx.AsyncClient, text: str, more: str = ""
) -> tuple[list[str], set[tuple[str, str]]]:
    reply = await client.get(f"/v1/tasks?q={quote(text, safe='')}{more}")
    assert reply.status_code == 200, reply.text
    page = reply.json()
    return [task["id"] for task in page["data"]], {(one["as"], one["value"]) for one in page["understood"]}


async def known_by_everything(world: World, client: httpx.AsyncClient) -> dict[str, str]:
    """A task with every id that a task can have."""
    headers = {"Idempotency-Key": "press-1", "X-Request-Id": "ours-4711"}
    reply = await client.post("/v1/tasks", json=wish(external_id="order 7"), headers=headers)
    name = reply.json()["id"]
    await world.record(name, purpose="submit", upstream_request_id="theirs-4711")
    file = await world.finish(name)
    task = await world.task(name)
    assert task.upstream_id
    return {
        "task_id": name,
        "upstream_id": task.upstream_id,
        "external_id": "order 7",
        "request_id": "ours-4711",
        "upstream_request_id": "theirs-4711",
        "idempotency_key": "press-1",
        "artifact": file.sha256,
    }


async def test_every_id_of_a_task_leads_to_it_and_is_said_back(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    ids = await known_by_everything(world, acme)
    await submit(acme, prompt="another")

    for client in (acme, staff):
        for what, value in ids.items():
            assert await asked(client, f" {value} ") == ([ids["task_id"]], {(what, value)}), what


async def test_an_id_of_somebody_else_s_task_is_a_word_that_nobody_has(
    world: World, acme: httpx.AsyncClient
) -> None:
    ids = await known_by_everything(world, await world.client("globex"))
    await submit(acme)

    for value in ids.values():
        found, understood = await asked(acme, value)
        assert found == []
        assert {what for what, _ in understood} <= {"words", "task_id"}


async def test_a_whole_error_text_leads_to_its_task_by_the_ids_in_it(
    world: World, acme: httpx.AsyncClient
) -> None:
    ids = await known_by_everything(world, acme)

    found, understood = await asked(acme, PASTED.format(**ids))

    assert found == [ids["task_id"]]
    assert understood == {(what, ids[what]) for what in ("upstream_request_id", "upstream_id")}


async def test_an_error_text_without_known_ids_is_read_as_its_longest_sentence(
    world: World, acme: httpx.AsyncClient
) -> None:
    failed = await submit(acme)
    await world.move(failed["id"], State.FAILED)
    await submit(acme, prompt="another")

    text = '{"code": 400, "message": "no kites", "request_id": "0217-unheard-of"}' + " " * 80 + "\nat line 7"
    found, understood = await asked(acme, text)

    assert found == [failed["id"]]
    assert understood == {("request_id", "0217-unheard-of"), ("words", "no kites")}


async def test_a_key_s_head_and_tail_lead_to_its_tasks(world: World, staff: httpx.AsyncClient) -> None:
    key = await world.ledger.keys.new("acme")
    client = await world.stranger({"Authorization": f"Bearer {key}"})
    mine = [(await submit(client, prompt=f"kite {n}"))["id"] for n in range(3)]
    other = await world.client("acme")
    await submit(other)
    key_id = key[8:16]

    for text in (f"{key[:14]}***{key[-4:]}", key_id, key[:16], f'error for key "{key[:16]}…{key[-3:]}"'):
        for client in (staff, other):
            assert await asked(client, text) == (mine[::-1], {("key", key_id)}), text
    stranger = await world.client("globex")
    assert (await asked(stranger, key_id))[0] == []


async def test_a_mask_that_an_upstream_left_is_found_in_its_words(
    world: World, acme: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    task = await submit(acme, prompt="it said [sk-zoj***Vj8], what is that")
    await submit(acme)

    assert await asked(staff, "[sk-zoj***Vj8]") == ([task["id"]], {("masked_key", "sk-zoj***Vj8")})


@pytest.mark.parametrize(
    "key",
    [
        "sk-abcdefghijklmnopqrstuv",
        "ct_live_ab12cd34_" + "x9" * 20,
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_q8Zr2LmT5vXw9KpB3nYc7HdF",
        "3f2b8c1e-0f5a-4a0b-9a51-7b1f2f0c9d11:0f5a4a0b9a517b1f2f0c9d110f5a4a0b",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh",
    ],
)
async def test_a_complete_key_is_refused_and_named_and_not_repeated(
    acme: httpx.AsyncClient, key: str, capfd: pytest.CaptureFixture[str]
) -> None:
    reply = await acme.get("/v1/tasks", params={"q": f"why does {key} fail?"})

    problem = refused(reply, 422, "secret_pasted")
    assert f"{key[:4]}…{key[-4:]}" in problem["detail"]
    assert key not in reply.text
    assert key not in "".join(capfd.readouterr())


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("纸船", "zh"),
        ("雨中的纸船", "zh"),
        ("纸船 暖色", "zh"),
        ("PAPER boat", "en"),
        ("boat paper", "en"),
        ('"boat paper"', None),
        ("ap", "en"),
        ("aper bo", "en"),
        ("审核未通过", "failed"),
        ("E451", "failed"),
        ("policy 审核", "failed"),
        ("policy kite", None),
        ("纸鸢", None),
        ("船", "zh"),
    ],
)
async def test_words_of_prompt_or_error_are_found_whether_indexed_or_not(
    world: World, acme: httpx.AsyncClient, indexed: bool, text: str, found: str | None
) -> None:
    made = {
        "zh": (await submit(acme, prompt="雨中的纸船，暖色灯光"))["id"],
        "en": (await submit(acme, prompt="A Paper Boat at dawn"))["id"],
        "failed": (await submit(acme, prompt="a kite"))["id"],
    }
    await fail(world, made["failed"], "policy: 审核未通过")
    await submit(
        await world.client("globex"), prompt="雨中的纸船，暖色灯光 A Paper Boat E451 policy 审核未通过"
    )
    if indexed:
        assert await world.ledger.search.take_up(Redactor()) == 4

    ids, understood = await asked(acme, text)

    assert ids == ([made[found]] if found else [])
    assert {what for what, _ in understood} == {"words"}


async def test_other_filters_narrow_what_was_found(world: World, acme: httpx.AsyncClient) -> None:
    first, second = await submit(acme, prompt="boat one"), await submit(acme, prompt="boat two")
    await world.move(first["id"], State.QUEUED)

    assert (await asked(acme, "boat"))[0] == [second["id"], first["id"]]
    assert (await asked(acme, "boat", "&state=queued"))[0] == [first["id"]]
    assert (await asked(acme, first["id"], "&state=submitted"))[0] == []


async def test_pages_of_a_search_neither_skip_nor_repeat(world: World, acme: httpx.AsyncClient) -> None:
    made = [(await submit(acme, prompt=f"boat number {n}"))["id"] for n in range(7)]
    await world.ledger.search.take_up(Redactor())
    seen: list[str] = []
    after = ""
    while True:
        page: dict[str, Any] = (await acme.get(f"/v1/tasks?q=boat&limit=3{after}")).json()
        seen += [task["id"] for task in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"

    assert seen == made[::-1]


async def test_a_list_without_q_understood_nothing(acme: httpx.AsyncClient) -> None:
    await submit(acme)

    assert (await acme.get("/v1/tasks")).json()["understood"] == []


async def test_a_request_id_that_is_a_key_is_not_kept(world: World, acme: httpx.AsyncClient) -> None:
    key = "sk-abcdefghijklmnopqrstuv"
    reply = await acme.post("/v1/tasks", json=wish(), headers={"X-Request-Id": key})

    assert reply.headers["x-request-id"].startswith("req_")


async def fail(world: World, name: str, said: str) -> None:
    task = await world.task(name)
    failure = Failure(FailureKind.CONTENT_POLICY_INPUT, said, "E451", 400, "up-9")
    await world.ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=failure))
