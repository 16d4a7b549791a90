"""The studio speaks Kling's dialect, and is as strict as Kling is said to be."""

import base64
import io
import time

import httpx
import jwt
import pytest
from PIL import Image

from tests.workers.sandbox.test_studio import KEY, studio

TEXT, FRAMES, STILL = (
    "/kling/v1/videos/text2video",
    "/kling/v1/videos/image2video",
    "/kling/v1/images/generations",
)
BOAT = "a boat [sandbox: queue=0 run=0 {}]"


def film(script: str = "", **body) -> dict:
    return {"model_name": "kling-v1", "prompt": BOAT.format(script), "duration": "5"} | body


def picture() -> str:
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(drawn, "PNG")
    return base64.b64encode(drawn.getvalue()).decode()


async def made(client: httpx.AsyncClient, path: str = TEXT, **body) -> str:
    reply = await client.post(path, json=body or film())
    assert reply.json()["code"] == 0, reply.text
    return reply.json()["data"]["task_id"]


async def test_a_film_and_a_still_can_be_had(tmp_path):
    async with studio(tmp_path) as client:
        name = await made(client)
        seen = (await client.get(f"{TEXT}/{name}")).json()["data"]
        got = await client.get(seen["task_result"]["videos"][0]["url"])
        still = await made(client, STILL, prompt=BOAT.format(""), n=2, resolution="2k", aspect_ratio="21:9")
        images = (await client.get(f"{STILL}/{still}")).json()["data"]["task_result"]["images"]
        drawn = Image.open(io.BytesIO((await client.get(images[1]["url"])).content))

    assert (name.isdigit(), seen["task_status"]) == (True, "succeed")
    assert (got.status_code, got.headers["content-type"]) == (200, "video/mp4")
    assert (len(images), drawn.size) == (2, (512, 220))


async def test_a_film_may_begin_and_end_with_pictures(tmp_path):
    async with studio(tmp_path) as client:
        name = await made(client, FRAMES, **film(image=picture(), image_tail="https://x/tail.png"))
        [creation] = (await client.get("/ledger")).json()["creations"]
        prefixed = await client.post(FRAMES, json=film(image=f"data:image/png;base64,{picture()}"))

    assert creation["id"] == name
    assert [one["role"] for one in creation["work"]["references"]] == ["first_frame", "last_frame"]
    assert (prefixed.status_code, prefixed.json()["code"]) == (400, 1201)


async def test_an_endpoint_knows_only_its_own_tasks(tmp_path):
    async with studio(tmp_path) as client:
        name = await made(client, **film(external_task_id="r1"))
        replies = [await client.get(f"{FRAMES}/{known}") for known in (name, "r1")]
        listed = [len((await client.get(path)).json()["data"]) for path in (TEXT, FRAMES)]

    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(404, 1203)] * 2
    assert listed == [1, 0]


async def test_an_external_id_finds_its_task_and_is_used_once(tmp_path):
    async with studio(tmp_path) as client:
        name = await made(client, **film(external_task_id="r1"))
        found = (await client.get(f"{TEXT}/r1")).json()["data"]
        again = await client.post(FRAMES, json=film(external_task_id="r1", image=picture()))
        book = (await client.get("/ledger", params={"reference": "r1"})).json()

    assert (found["task_id"], found["task_info"]) == (name, {"external_task_id": "r1"})
    assert (again.status_code, again.json()["code"]) == (400, 1201)
    assert "external_task_id r1" in again.json()["message"]
    assert (book["count"], book["creations"][0]["dialect"]) == (1, "kling")


async def test_a_used_external_id_is_refused_even_after_an_answer_that_was_lost(tmp_path):
    async with studio(tmp_path) as client:
        body = film("create=lost_after", external_task_id="r1")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(TEXT, json=body)
        again = await client.post(TEXT, json=body)

        assert again.json()["code"] == 1201
        assert (await client.get("/ledger")).json()["count"] == 1


@pytest.mark.parametrize(
    ("how", "answer"), [("hidden", (404, 1203)), ("500", (500, 5000)), ("garbage", (200, None))]
)
async def test_a_search_may_fail_a_few_times_while_the_task_is_there(tmp_path, how, answer):
    async with studio(tmp_path) as client:
        name = await made(client, **film(f"lookup={how} lookup_times=2", external_task_id="r1"))
        first, second, third = [await client.get(f"{TEXT}/r1") for _ in range(3)]
        direct = await client.get(f"{TEXT}/{name}")

    code = first.json()["code"] if how != "garbage" else None
    assert (first.status_code, code) == (second.status_code, code) == answer
    assert third.json()["data"]["task_id"] == direct.json()["data"]["task_id"] == name


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("create=refuse_money", 429, 1102), ("create=refuse_rate", 429, 1302), ("create=refuse_content", 400, 1301),
        ("create=busy", 503, 5001), ("create=500_after", 500, 5000), ("create=no_id", 200, 0),
    ],
)  # fmt: skip
async def test_it_misbehaves_in_klings_words(tmp_path, script, status, code):
    async with studio(tmp_path) as client:
        reply = await client.post(TEXT, json=film(script))

    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert not reply.json().get("data")


@pytest.mark.parametrize(
    "body",
    [
        {"duration": 5}, {"duration": "7"}, {"mode": "best"}, {"aspect_ratio": "21:9"}, {"prompt": ""},
        {"sound": True}, {"cfg_scale": 2}, {"prompt": "x" * 2501}, {"prompt": None}, {"prompt": 7},
    ],
)  # fmt: skip
async def test_a_wrong_parameter_is_refused(tmp_path, body):
    async with studio(tmp_path) as client:
        reply = await client.post(TEXT, json=film() | body)

    assert (reply.status_code, reply.json()["code"]) == (400, 1201)


async def test_nulls_count_as_absent(tmp_path):
    async with studio(tmp_path) as client:
        await made(client, **film(mode=None, external_task_id=None, aspect_ratio=None))


def token(access: str = "studio", secret: str = KEY, begins: int = -5, ends: int = 1800) -> str:
    now = int(time.time())
    return jwt.encode({"iss": access, "exp": now + ends, "nbf": now + begins}, secret, algorithm="HS256")


@pytest.mark.filterwarnings("ignore:The HMAC key")  # the studio's key is as short as the tests' keys are
@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, 1203),
        ({"secret": "x" * 32}, 1002),
        ({"access": "other"}, 1002),
        ({"begins": 60}, 1003),
        ({"ends": -1}, 1004),
    ],
)
async def test_a_token_is_read_as_strictly_as_kling_reads_it(tmp_path, claims, code):
    assert await answered(tmp_path, f"Bearer {token(**claims)}") == code


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (f"Bearer {KEY}", 1203),
        ("", 1001),
        ("Bearer nothing", 1002),
        (f"Basic {KEY}", 1002),
        (f"Bearer {jwt.encode({'iss': 'studio'}, None, algorithm='none')}", 1002),
        ("Bearer é.é.é", 1002),
    ],
)
async def test_what_is_no_token_must_be_the_key(tmp_path, authorization, code):
    assert await answered(tmp_path, authorization) == code


async def answered(folder, authorization: str) -> int:
    async with studio(folder) as client:
        reply = await client.get(f"{TEXT}/x", headers={"authorization": authorization.encode()})
    assert reply.status_code == (404 if reply.json()["code"] == 1203 else 401)
    return reply.json()["code"]
