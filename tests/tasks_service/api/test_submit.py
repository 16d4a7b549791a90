"""Getting a task in."""

import asyncio
import hashlib
from collections import Counter

import httpx
import pytest

from schemas.lifecycle import State
from tests.gallery import data_uri, picture
from tests.tasks_service.api.conftest import World, refused, submit, wish


async def test_a_task_is_accepted_with_its_place_and_its_pace(world: World, acme: httpx.AsyncClient) -> None:
    reply = await acme.post("/v1/tasks", json=wish(external_id="order-7", metadata={"team": "ads"}))
    task = reply.json()
    assert reply.status_code == 202
    assert reply.headers["location"] == f"/v1/tasks/{task['id']}"
    assert int(reply.headers["retry-after"]) >= 1
    assert "idempotent-replayed" not in reply.headers
    assert (task["state"], task["kind"], task["external_id"]) == ("submitted", "video", "order-7")
    assert task["request"]["duration_s"] == 5, "the model's default is filled in"
    assert task["created_at"].endswith("Z")
    assert len(task["created_at"]) == len("2026-11-21T08:30:00.123Z")
    assert (await acme.get(reply.headers["location"])).json() == task
    assert (await world.task(task["id"])).checked[0] == "model_is_living"


async def test_the_same_key_gives_the_same_task_whatever_the_spelling(acme: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "order-7", "Content-Type": "application/json"}
    first = await acme.post(
        "/v1/tasks", headers=headers, content=b'{"model":"sandbox-video-1","prompt":"kite","duration_s":5}'
    )
    for same in (
        b'{ "duration_s" : 5.0, "prompt": "kite",\n "model": "sandbox-video-1" }',
        b'{"model":"sandbox-video-1","prompt":"kit\\u0065","duration_s":5,"seed":null}',
        b'{"model":"sandbox-video-1","prompt":"kite"}',
    ):
        again = await acme.post("/v1/tasks", headers=headers, content=same)
        assert again.status_code == 202
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert again.json() == first.json()


async def test_the_same_key_for_something_else_names_what_differs(acme: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await acme.post("/v1/tasks", headers=headers, json=wish(metadata={"a": "1", "b": "2"}))
    other = wish(prompt="something else", metadata={"a": "1", "b": "3"})
    problem = refused(
        await acme.post("/v1/tasks", headers=headers, json=other), 422, "idempotency_key_reused"
    )
    assert problem["differs"] == ["/metadata/b", "/prompt"]
    assert problem["task_id"] == first.json()["id"]


async def test_a_key_outlives_its_task_and_the_catalogue(world: World, acme: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await acme.post("/v1/tasks", headers=headers, json=wish())
    await world.finish(first.json()["id"])
    world.app.state.service.admission.offers = {}
    again = await acme.post("/v1/tasks", headers=headers, json=wish())
    assert (again.status_code, again.json()["state"]) == (202, "downloaded")
    assert len(again.json()["artifacts"]) == 1


async def test_a_key_belongs_to_the_account_whatever_the_role(world: World, acme: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await acme.post("/v1/tasks", headers=headers, json=wish())
    admin = await world.client("acme", "admin")
    again = await admin.post("/v1/tasks", headers=headers, json=wish())
    assert again.json()["id"] == first.json()["id"]
    stranger = await world.client("globex")
    other = await stranger.post("/v1/tasks", headers=headers, json=wish())
    assert (other.status_code, "idempotent-replayed" in other.headers) == (202, False)
    assert other.json()["id"] != first.json()["id"]


async def test_a_refused_submission_does_not_use_up_its_key(acme: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    refused(
        await acme.post("/v1/tasks", headers=headers, json=wish(duration_s=7)), 422, "unacceptable_parameters"
    )
    assert (await acme.post("/v1/tasks", headers=headers, json=wish())).status_code == 202


@pytest.mark.parametrize(
    "keys",
    [[b""], [b"x" * 256], [b"a", b"b"], [b"a", b"a"], [b"a b"], [b"a\x00b"], [b"\xe4"], ["鍵".encode()]],
    ids=["empty", "256", "two", "twice", "space", "NUL", "latin", "chinese"],
)
async def test_a_key_is_visible_ascii_once(acme: httpx.AsyncClient, keys: list[bytes]) -> None:
    headers = [(b"Idempotency-Key", key) for key in keys]
    reply = await acme.post("/v1/tasks", headers=headers, json=wish())
    refused(reply, 400, "idempotency_key_invalid")


async def test_the_longest_key_works(acme: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "~" * 255}
    assert (await acme.post("/v1/tasks", headers=headers, json=wish())).status_code == 202


async def test_48_at_once_with_one_key_make_one_task(world: World, acme: httpx.AsyncClient) -> None:
    for turn in range(5):
        headers = {"Idempotency-Key": f"k{turn}"}
        posts = [acme.post("/v1/tasks", headers=headers, json=wish(prompt=f"kite {turn}")) for _ in range(48)]
        replies = await asyncio.gather(*posts)
        assert {reply.status_code for reply in replies} == {202}
        assert len({reply.json()["id"] for reply in replies}) == 1
        assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert len((await acme.get("/v1/tasks")).json()["data"]) == 5


async def test_48_at_once_with_one_key_and_different_wishes_make_one_task(acme: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    posts = [acme.post("/v1/tasks", headers=headers, json=wish(prompt=f"kite {n}")) for n in range(48)]
    replies = await asyncio.gather(*posts)
    assert Counter(reply.status_code for reply in replies) == {202: 1, 422: 47}
    assert len((await acme.get("/v1/tasks")).json()["data"]) == 1


async def test_48_at_once_with_the_same_content_make_one_task(acme: httpx.AsyncClient) -> None:
    posts = [acme.post("/v1/tasks", headers={"Idempotency-Key": f"k{n}"}, json=wish()) for n in range(48)]
    replies = await asyncio.gather(*posts)
    assert Counter(reply.status_code for reply in replies) == {202: 1, 409: 47}
    made = next(reply.json()["id"] for reply in replies if reply.status_code == 202)
    named = {reply.json()["duplicate_of"]["id"] for reply in replies if reply.status_code == 409}
    assert named == {made}


async def test_a_duplicate_names_its_twin_and_is_not_retried(world: World, acme: httpx.AsyncClient) -> None:
    first = await submit(acme)
    await world.move(first["id"], State.QUEUED)
    # The default spelled out, and other ways to file it, are the same work.
    reply = await acme.post("/v1/tasks", json=wish(duration_s=5, external_id="other", metadata={"a": "b"}))
    problem = refused(reply, 409, "duplicate_task")
    twin = problem["duplicate_of"]
    assert (twin["id"], twin["state"], twin["created_at"]) == (first["id"], "queued", first["created_at"])
    assert 0 <= twin["age_s"] < 30
    assert reply.headers["x-should-retry"] == "false"
    assert "allow_duplicate" in problem["detail"]


async def test_a_duplicate_is_allowed_when_asked_for_and_after_an_end_that_was_free(
    world: World, acme: httpx.AsyncClient
) -> None:
    first = await submit(acme)
    second = await submit(acme, allow_duplicate=True)
    assert second["id"] != first["id"]
    assert (await world.task(second["id"])).duplicate_allowed
    await world.move(first["id"], State.FAILED)
    assert (await acme.post("/v1/tasks", json=wish())).status_code == 409, "its twin is still alive"
    await world.move(second["id"], State.FAILED)
    assert (await acme.post("/v1/tasks", json=wish())).status_code == 202


async def test_accounts_do_not_see_each_others_duplicates(world: World, acme: httpx.AsyncClient) -> None:
    await submit(acme)
    await submit(await world.client("globex"))


async def test_a_librarys_own_retry_gets_the_task_instead_of_an_error(acme: httpx.AsyncClient) -> None:
    first = await submit(acme)
    again = await acme.post("/v1/tasks", json=wish(), headers={"x-stainless-retry-count": "1"})
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert again.headers["idempotent-replayed"] == "true"
    fresh = await acme.post("/v1/tasks", json=wish(), headers={"x-stainless-retry-count": "0"})
    refused(fresh, 409, "duplicate_task")
    refiled = wish(metadata={"other": "order"})
    other = await acme.post("/v1/tasks", json=refiled, headers={"x-stainless-retry-count": "1"})
    refused(other, 409, "duplicate_task")


async def test_everything_unacceptable_is_said_at_once(acme: httpx.AsyncClient) -> None:
    body = wish(prompt=" ", duration_s=7, ratio="3:2", audio=True, n=2, options={"behavior": 1})
    problem = refused(await acme.post("/v1/tasks", json=body), 422, "unacceptable_parameters")
    found = {entry["pointer"]: entry for entry in problem["problems"]}
    assert found.keys() == {"/prompt", "/duration_s", "/ratio", "/audio", "/n", "/options/behavior"}
    assert found["/duration_s"]["allowed"] == [2, 5, 10]
    assert found["/duration_s"]["nearest"] == 5
    assert found["/options/behavior"]["nearest"] == "behaviour"
    assert problem["error"]["param"] == "prompt"


async def test_an_unknown_model_names_the_nearest(acme: httpx.AsyncClient) -> None:
    problem = refused(await acme.post("/v1/tasks", json=wish(model="Sandbox-Video-1 ")), 422, "model_unknown")
    assert problem["nearest"][0] == "sandbox-video-1"
    assert [entry["pointer"] for entry in problem["problems"]] == ["/model"]
    assert "white space at its end and other capitals than sandbox-video-1" in problem["detail"]


async def test_a_retired_model_names_living_ones(acme: httpx.AsyncClient) -> None:
    body = {"model": "kling-v1-6", "prompt": " "}
    problem = refused(await acme.post("/v1/tasks", json=body), 422, "model_retired")
    assert "kling-v2-6" in problem["nearest"]
    assert [entry["pointer"] for entry in problem["problems"]] == ["/model", "/prompt"]
    lives_on = {"model": "sora-2", "prompt": "a boat"}
    told = (await acme.post("/v1/tasks?validate_only=true", json=lives_on)).json()
    assert (told["valid"], len(told["warnings"])) == (True, 1)


async def test_validate_only_says_the_same_and_writes_nothing(acme: httpx.AsyncClient) -> None:
    good = await acme.post("/v1/tasks?validate_only=true", json=wish(), headers={"Idempotency-Key": "k"})
    assert good.status_code == 200
    told = good.json()
    assert (told["valid"], told["problems"], told["not_checked"]) == (True, [], [])
    assert (told["quote"]["amount"], told["quote"]["currency"]) == ("0", "USD")
    bad = (await acme.post("/v1/tasks?validate_only=1", json=wish(duration_s=7))).json()
    assert (bad["valid"], bad["problems"][0]["nearest"]) == (False, 5)
    unknown = (await acme.post("/v1/tasks?validate_only=true", json=wish(model="x"))).json()
    assert (unknown["valid"], unknown["problems"][0]["pointer"]) == (False, "/model")
    partly = {"model": "kling-image-v3", "prompt": "a boat", "watermark": True}
    told = (await acme.post("/v1/tasks?validate_only=true", json=partly)).json()
    assert (told["not_checked"], told["quote"]) == (["watermark"], None)
    assert (await acme.get("/v1/tasks")).json()["data"] == []


async def test_a_misspelt_validate_only_does_not_submit(acme: httpx.AsyncClient) -> None:
    problem = refused(await acme.post("/v1/tasks?validate-only=true", json=wish()), 400, "malformed_request")
    assert "validate_only" in problem["detail"]
    refused(await acme.post("/v1/tasks?validate_only=yes", json=wish()), 400, "malformed_request")
    assert (await acme.get("/v1/tasks")).json()["data"] == []


async def test_inline_images_are_shown_by_their_digest(acme: httpx.AsyncClient) -> None:
    content = picture("PNG", (320, 240))
    image = {"role": "first_frame", "data": data_uri(content)}
    task = await submit(acme, reference_images=[image])
    named = {"role": "first_frame", "file_id": f"file_{hashlib.sha256(content).hexdigest()}"}
    assert task["request"]["reference_images"] == [named]


async def test_nothing_that_a_caller_may_not_set_can_be_set(acme: httpx.AsyncClient) -> None:
    for name in ("account_id", "state", "id", "seq", "spend", "role", "route"):
        problem = refused(await acme.post("/v1/tasks", json=wish(**{name: "x"})), 400, "malformed_request")
        assert problem["problems"][0]["code"] == "unknown_field"
