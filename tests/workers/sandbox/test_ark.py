"""The studio speaks Ark's dialect: lists with filters, and a DELETE that cancels or forgets."""

import httpx
import pytest

from tests.workers.sandbox.test_studio import studio

TASKS = "/ark/api/v3/contents/generations/tasks"
MODEL = "doubao-seedance-1-0-pro-250528"
OTHER = "doubao-seedance-2-0-260128"


def order(script: str = "queue=0 run=0", **body) -> dict:
    content = [{"type": "text", "text": f"a boat [sandbox: {script}]", "image_url": None}]
    return {"model": MODEL, "content": content, "duration": 2} | body


async def made(client: httpx.AsyncClient, script: str = "queue=0 run=0", **body) -> str:
    reply = await client.post(TASKS, json=order(script, **body))
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"id"}
    return reply.json()["id"]


async def listed(client: httpx.AsyncClient, **query) -> dict:
    names = {"page": "page_num", "size": "page_size"}
    params = {names.get(name, f"filter.{name}"): value for name, value in query.items()}
    return (await client.get(TASKS, params=params)).json()


async def test_a_film_can_be_had_and_the_reference_comes_back(tmp_path):
    async with studio(tmp_path) as client:
        name = await made(client, safety_identifier="r1", seed=None, ratio="9:16", resolution="480p")
        seen = (await client.get(f"{TASKS}/{name}")).json()
        film = await client.get(seen["content"]["video_url"])

    assert (seen["status"], seen["safety_identifier"], seen["error"]) == ("succeeded", "r1", None)
    assert (film.status_code, film.headers["content-type"]) == (200, "video/mp4")


async def test_the_same_request_twice_is_two_tasks_even_with_one_reference(tmp_path):
    async with studio(tmp_path) as client:
        names = {await made(client, safety_identifier="r1") for _ in range(2)}
        book = (await client.get("/ledger", params={"reference": "r1"})).json()

    assert len(names) == book["count"] == 2


async def test_the_list_is_filtered_and_paged(tmp_path):
    async with studio(tmp_path) as client:
        names = [await made(client) for _ in range(5)]
        waits = await made(client, "queue=90", model=OTHER, duration=4)
        pages = [await listed(client, model=MODEL, page=page, size=2) for page in (1, 2, 3, 4)]
        by_status, by_model = await listed(client, status="queued"), await listed(client, model=OTHER)
        by_ids = await listed(client, task_ids=[names[0], waits, "cgt-x"])
        wrong = await client.get(TASKS, params={"page_size": 501})

    assert [[item["id"] for item in page["items"]] for page in pages] == [
        names[:2:-1], names[2:0:-1], names[:1], [],
    ]  # fmt: skip
    assert {page["total"] for page in pages} == {5}
    assert (
        [item["id"] for item in by_status["items"]] == [item["id"] for item in by_model["items"]] == [waits]
    )
    assert {item["id"] for item in by_ids["items"]} == {names[0], waits}
    assert wrong.status_code == 400


async def test_a_list_may_not_show_a_task_yet_on_any_of_its_pages(tmp_path):
    async with studio(tmp_path) as client:
        hidden = await made(client, "queue=0 run=0 lookup=hidden lookup_times=2")
        shown = await made(client)
        seen = []
        for _ in range(3):
            pages = [await listed(client, page=page, size=1) for page in (1, 2)]
            seen.append([item["id"] for page in pages for item in page["items"]])
        direct = (await client.get(f"{TASKS}/{hidden}")).status_code

    assert seen == [[shown], [shown], [shown, hidden]]
    assert direct == 200


@pytest.mark.parametrize(("how", "status"), [("500", 500), ("garbage", 200)])
async def test_a_list_may_break_down(tmp_path, how, status):
    async with studio(tmp_path) as client:
        await made(client, f"lookup={how} lookup_times=1")
        broken, whole = await client.get(TASKS), await client.get(TASKS)

    assert broken.status_code == status
    assert b"items" not in broken.content
    assert whole.json()["total"] == 1


@pytest.mark.parametrize(
    ("script", "before", "deleted", "after"),
    [
        ("queue=90", "queued", 200, "cancelled"),
        ("queue=0 run=90", "running", 403, "running"),
        ("queue=0 run=0", "succeeded", 200, None),
        ("queue=0 run=0 end=internal", "failed", 200, None),
        ("queue=0 run=0 end=timeout", "expired", 200, None),
    ],
)
async def test_what_a_delete_does_depends_on_the_state(tmp_path, script, before, deleted, after):
    async with studio(tmp_path) as client:
        path = f"{TASKS}/{await made(client, script)}"
        first = (await client.get(path)).json()["status"]
        reply = await client.request("DELETE", path, json={})
        last = await client.get(path)
        again = await client.delete(path)

    assert (first, reply.status_code) == (before, deleted)
    assert (last.json().get("status"), last.status_code) == (after, 200 if after else 404)
    assert again.status_code == (403 if after else 404)


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("create=refuse_money", 403, "AccountOverdueError"),
        ("create=refuse_rate", 429, "RateLimitExceeded.EndpointRPMExceeded"),
        ("create=refuse_content", 400, "InputTextSensitiveContentDetected"),
        ("create=busy", 429, "ServerOverloaded"),
        ("create=500_after", 500, "InternalServiceError"),
    ],
)
async def test_it_misbehaves_in_arks_words(tmp_path, script, status, code):
    async with studio(tmp_path) as client:
        reply = await client.post(TASKS, json=order(script))
        made_anyway = (await client.get("/ledger")).json()["count"]

    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert made_anyway == (1 if script.endswith("after") else 0)


IMAGE = {"type": "image_url", "image_url": {"url": "https://x/i.png"}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": "x"}, "InvalidEndpointOrModel.NotFound"),
        ({"content": None}, "MissingParameter"),
        ({"duration": 13}, "InvalidParameter"),
        ({"duration": "5"}, "InvalidParameter"),
        ({"ratio": "2:1"}, "InvalidParameter"),
        ({"resolution": "4k"}, "InvalidParameter"),
        ({"seed": 2**32}, "InvalidParameter"),
        ({"content": [IMAGE | {"role": "mask"}]}, "InvalidParameter"),
        ({"content": [IMAGE, IMAGE]}, "InvalidParameter"),
        ({"content": [IMAGE | {"role": "last_frame"}]}, "InvalidParameter"),
        ({"content": "a boat"}, "InvalidParameter"),
        (
            {"model": OTHER, "content": [IMAGE, IMAGE | {"role": "reference_image"}], "duration": 4},
            "InvalidParameter",
        ),
    ],
)
async def test_a_wrong_parameter_is_refused(tmp_path, body, code):
    async with studio(tmp_path) as client:
        reply = await client.post(TASKS, json=order() | body)

    assert reply.json()["error"]["code"] == code


async def test_only_the_key_opens_it(tmp_path):
    async with studio(tmp_path) as client:
        client.headers["authorization"] = "Bearer wrong"
        replies = [
            await client.post(TASKS, json=order()),
            await client.get(TASKS),
            await client.get(f"{TASKS}/x"),
            await client.delete(f"{TASKS}/x"),
        ]

    assert {reply.status_code for reply in replies} == {401}
