"""The studio makes real files, keeps its ledger, and can be believed when a test compares."""

import asyncio
import base64
import io
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import av
import httpx
import pytest
from PIL import Image

from workers.sandbox.app import running_studio
from workers.sandbox.behaviour import BehaviourError, parse_behaviour, read_behaviour

KEY = "studio-key-0123456789"
AT_ONCE = "queue=0 run=0"


@asynccontextmanager
async def studio(folder) -> AsyncIterator[httpx.AsyncClient]:
    async with running_studio(folder, KEY) as url:
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            yield client


async def made(client, **body) -> dict:
    request = {"model": "sandbox-image-1", "prompt": "a boat", "behaviour": AT_ONCE} | body
    reply = await client.post("/sandbox/v1/jobs", json=request)
    assert reply.status_code in (200, 201), reply.text
    return (await client.get(f"/sandbox/v1/jobs/{reply.json()['id']}")).json()


async def files(client, job) -> list[bytes]:
    return [(await client.get(result["url"])).content for result in job["results"]]


async def test_the_same_reference_never_creates_two_jobs(tmp_path):
    async with studio(tmp_path) as client:
        body = {"model": "sandbox-image-1", "prompt": "a boat", "reference": "r"}
        replies = await asyncio.gather(*(client.post("/sandbox/v1/jobs", json=body) for _ in range(20)))
        other = await client.post("/sandbox/v1/jobs", json=body | {"prompt": "a ship"})

        assert len({reply.json()["id"] for reply in replies}) == 1
        assert other.json()["error"]["code"] == "E409"
        assert (await client.get("/ledger")).json()["count"] == 1


async def test_two_requests_through_the_gateways_dialect_are_two_jobs(tmp_path):
    async with studio(tmp_path) as client:
        for _ in range(2):
            await client.post("/v1/videos", data={"prompt": "a boat", "seconds": "4"})

        assert (await client.get("/ledger")).json()["count"] == 2


async def test_the_same_seed_gives_the_same_picture_and_another_one_another(tmp_path):
    async with studio(tmp_path) as client:
        [one], [same], [other] = [await files(client, await made(client, seed=seed)) for seed in (1, 1, 2)]

    assert one == same != other
    assert Image.open(io.BytesIO(one)).size == (512, 512)


async def test_a_given_picture_can_be_seen_in_the_result(tmp_path):
    red = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(red, "PNG")
    data = "data:image/png;base64," + base64.b64encode(red.getvalue()).decode()
    async with studio(tmp_path) as client:
        [plain] = await files(client, await made(client))
        [tinted] = await files(client, await made(client, images=[{"role": "reference", "data": data}]))

    assert plain != tinted
    assert red_of(tinted) > red_of(plain)


def red_of(picture: bytes) -> float:
    return Image.open(io.BytesIO(picture)).convert("RGB").resize((1, 1)).getpixel((0, 0))[0]


async def test_a_film_is_a_real_film(tmp_path):
    async with studio(tmp_path) as client:
        job = await made(client, model="sandbox-video-1", ratio="9:16", resolution="240p", duration_s=2)
        [film] = await files(client, job)

    with av.open(io.BytesIO(film)) as opened:
        picture = opened.streams.video[0]
        frames = [frame.to_image().tobytes() for frame in opened.decode(picture)]
    assert (picture.codec_context.name, picture.width, picture.height) == ("h264", 240, 426)
    assert len(frames) == 16
    assert len(set(frames)) > 4, "something moves"
    assert film.find(b"moov") < film.find(b"mdat")


async def test_a_studio_that_restarts_remembers_what_it_made(tmp_path):
    async with studio(tmp_path) as client:
        job = await made(client, reference="r")
        [before] = await files(client, job)
    async with studio(tmp_path) as client:
        again = await client.post(
            "/sandbox/v1/jobs",
            json={"model": "sandbox-image-1", "prompt": "a boat", "behaviour": AT_ONCE, "reference": "r"},
        )
        [after] = await files(client, (await client.get(f"/sandbox/v1/jobs/{job['id']}")).json())

    assert (again.status_code, again.json()["id"], after) == (200, job["id"], before)


async def test_a_file_can_be_had_in_parts_until_its_link_dies(tmp_path):
    async with studio(tmp_path) as client:
        url = (await made(client, behaviour=f"{AT_ONCE} link=1"))["results"][0]["url"]
        part = await client.get(url, headers={"range": "bytes=0-7"})
        await asyncio.sleep(1.1)
        late = await client.get(url)
        forged = await client.get(url[:-1] + ("0" if url[-1] != "0" else "1"))

    assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")
    assert (late.status_code, forged.status_code) == (403, 404)
    assert "Request has expired" in late.text


async def test_only_the_key_opens_it(tmp_path):
    async with studio(tmp_path) as client:
        client.headers["authorization"] = "Bearer wrong"
        replies = [
            await client.post("/sandbox/v1/jobs", json={}),
            await client.get("/sandbox/v1/jobs/x"),
            await client.post("/v1/videos", data={}),
            await client.get("/v1/videos/x/content"),
        ]

        assert {reply.status_code for reply in replies} == {401}


async def test_a_waiting_job_can_be_cancelled_and_a_running_one_cannot(tmp_path):
    async with studio(tmp_path) as client:
        waiting = await made(client, behaviour="queue=30")
        running = await made(client, behaviour="queue=0 run=30")
        replies = [await client.post(f"/sandbox/v1/jobs/{job['id']}/cancel") for job in (waiting, running)]

    assert [reply.status_code for reply in replies] == [200, 409]
    assert replies[0].json()["error"]["code"] == "E499"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ratio": "2:1"}, "ratio"),
        ({"n": 5}, "n"),
        ({"prompt": ""}, "prompt"),
        ({"duration_s": 3}, "duration_s"),
        ({"behaviour": "jump=1"}, "behaviour"),
    ],
)
async def test_a_wrong_parameter_is_named(tmp_path, body, field):
    async with studio(tmp_path) as client:
        reply = await client.post("/sandbox/v1/jobs", json={"model": "sandbox-image-1", "prompt": "x"} | body)

        assert (reply.status_code, reply.json()["error"]["field"]) == (422, field)


@pytest.mark.parametrize(
    "script",
    [
        "jump=1",
        "queue",
        "queue=-1",
        "create=perhaps",
        "poll_times=2",
        "create=busy create_times=0",
        "queue=nan",
    ],
)
def test_a_script_that_would_do_nothing_is_refused(script):
    with pytest.raises(BehaviourError):
        parse_behaviour(script)


def test_a_script_in_the_prompt_is_not_drawn():
    drawn, behaviour = read_behaviour("a boat [sandbox: queue=2 end=content] in the rain")

    assert drawn == "a boat in the rain"
    assert (behaviour.queue, behaviour.end) == (2, "content")


@pytest.mark.parametrize("how", ["sigterm", "stdin"])
def test_the_process_says_its_port_and_ends_when_told(tmp_path, how):
    command = [
        sys.executable,
        "-m",
        "workers.sandbox.main",
        "--folder",
        str(tmp_path),
        "--key",
        KEY,
        "--exit-with-stdin",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())
        assert httpx.get(f"http://127.0.0.1:{told['port']}/healthz").json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM) if how == "sigterm" else process.stdin.close()

        assert process.wait(timeout=5) == 0
