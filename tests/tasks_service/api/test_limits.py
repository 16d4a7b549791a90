"""Bodies that are too large, too many-parted or too slow."""

import asyncio
import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from tasks_service.api import body, middleware
from tests.gallery import picture
from tests.tasks_service.api.conftest import refused, wish
from tests.tasks_service.api.test_bodies import JSON, prompt

START = b'{"model":"sandbox-video-1","prompt":"x",'


async def test_a_body_of_10_megabytes_is_too_large(acme: httpx.AsyncClient) -> None:
    problem = refused(
        await acme.post("/v1/tasks", headers=JSON, content=prompt(b"x" * 10_000_000)), 413, "body_too_large"
    )
    assert problem["max_bytes"] == 8 << 20


async def test_a_body_is_counted_on_arrival(acme: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 9 << 20:
            sent += 1 << 16
            yield b" " * (1 << 16)

    problem = refused(await acme.post("/v1/tasks", headers=JSON, content=endless()), 413, "body_too_large")
    assert problem["max_bytes"] == 8 << 20


async def test_a_body_that_does_not_arrive_ends_its_connection(
    acme: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(middleware, "_LINGER_S", 0.2)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.5)

    reply = await acme.post("/v1/tasks", headers=JSON, content=slow())
    assert "did not arrive" in refused(reply, 400, "malformed_request")["detail"]
    assert reply.headers["connection"] == "close"


async def test_a_body_just_under_the_limit_is_read(acme: httpx.AsyncClient) -> None:
    image = b'"reference_images":[{"role":"first_frame","data":"data:image/png;base64,%b"}]'
    noise = picture("PNG", (1400, 1200))
    content = START + image % base64.b64encode(noise) + b"}"
    content += b" " * ((8 << 20) - len(content))
    assert (await acme.post("/v1/tasks", headers=JSON, content=content)).status_code == 202
    assert (await acme.post("/v1/tasks", headers=JSON, content=content + b" ")).status_code == 413


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        (START + b'"options":{"a":[' + b"0," * 19_960 + b"0]}}", True),
        (START + b'"options":{"a":[' + b"0," * 20_000 + b"0]}}", False),
        (START + b'"options":{"a":[' + b"[]," * 10_000 + b"0]}}", False),
        (START + b'"metadata":{"a":"' + b",[" * 250 + b'"}}', True),
        (b'{"model":"sandbox-video-1","prompt":"' + b",[{" * 16_000 + b'"}', True),
    ],
    ids=["few", "many", "lists", "text", "much text"],
)
async def test_a_body_has_so_many_parts_and_no_more(
    acme: httpx.AsyncClient, content: bytes, accepted: bool
) -> None:
    problem = (await acme.post("/v1/tasks", headers=JSON, content=content)).json()
    codes = [entry["code"] for entry in problem.get("problems", ())]
    assert ("too_many_members" not in codes) == accepted


async def test_a_lookup_has_a_limit_of_its_own(acme: httpx.AsyncClient) -> None:
    many = {"ids": ["tsk_" + "0" * 60] * 200}
    assert (await acme.post("/v1/tasks/lookup", json=many)).status_code == 200
    reply = await acme.post("/v1/tasks/lookup", headers=JSON, content=b" " * 65_537)
    assert refused(reply, 413, "body_too_large")["max_bytes"] == 65_536


async def test_options_and_prompts_stay_small(acme: httpx.AsyncClient) -> None:
    for changes, pointer in (
        ({"options": {"a": "é" * 33_000}}, "/options"),
        ({"prompt": "x" * 65_537}, "/prompt"),
        ({"negative_prompt": "x" * 65_537}, "/negative_prompt"),
    ):
        problem = refused(await acme.post("/v1/tasks", json=wish(**changes)), 400, "malformed_request")
        assert [entry["pointer"] for entry in problem["problems"]] == [pointer]


async def test_a_million_names_are_survived(acme: httpx.AsyncClient) -> None:
    many = ",".join(f'"{n:x}":0' for n in range(600_000))
    body = f'{{"model":"sandbox-video-1","prompt":"x","options":{{{many}}}}}'
    reply = await acme.post("/v1/tasks", headers=JSON, content=body)
    refused(reply, 400, "malformed_request")
    assert len(reply.content) < 20_000
