"""Bodies that are not what they should be."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tasks_service.api import body, middleware
from tests.tasks_service.api.conftest import refused, wish

JSON = {"Content-Type": "application/json"}
START = b'{"model":"sandbox-video-1","prompt":"x",'
GOOD = b'{"model":"sandbox-video-1","prompt":"%s"}'


def prompt(content: bytes) -> bytes:
    return GOOD.replace(b"%s", content)


def deep(levels: int) -> bytes:
    return b'{"model":"sandbox-video-1","prompt":"x","options":{"a":' + b"[" * levels + b"]" * levels + b"}}"


BAD: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "not_json", ""),
    "white": (b" \n\t ", "not_json", ""),
    "not json": (b"model=sandbox-video-1", "not_json", ""),
    "cut off": (b'{"model":"sandbox-vid', "not_json", ""),
    "two values": (prompt(b"x") * 2, "not_json", ""),
    "trailing comma": (b'{"model":"x",}', "not_json", ""),
    "single quotes": (b"{'model':'x'}", "not_json", ""),
    "raw control": (prompt(b"a\x01b"), "not_json", ""),
    "raw NUL": (prompt(b"a\x00b"), "not_json", ""),
    "only NULs": (b"\x00" * 64, "not_json", ""),
    "byte order mark": (b"\xef\xbb\xbf" + prompt(b"x"), "byte_order_mark", ""),
    "UTF-16": (prompt(b"x").decode().encode("utf-16"), "not_utf8", ""),
    "latin 1": (prompt("für".encode("latin-1")), "not_utf8", ""),
    "overlong": (prompt(b"\xc0\xaf"), "not_utf8", ""),
    "surrogate bytes": (prompt(b"\xed\xa0\x80"), "not_utf8", ""),
    "NUL": (prompt(b"a\\u0000b"), "nul_character", "/prompt"),
    "NUL in a name": (b'{"model":"x","metadata":{"a\\u0000":"b"}}', "nul_character", "/metadata/a\x00"),
    "NUL in options": (b'{"model":"x","options":{"a":[{"b":"\\u0000"}]}}', "nul_character", "/options/a/0/b"),
    "lone surrogate": (prompt(b"\\ud83d"), "lone_surrogate", "/prompt"),
    "lone low surrogate": (prompt(b"x\\udc00"), "lone_surrogate", "/prompt"),
    "surrogate name": (b'{"model":"x","options":{"\\ud800":1}}', "lone_surrogate", "/options/\\ud800"),
    "NaN": (b'{"model":"x","duration_s":NaN}', "not_a_number", "/duration_s"),
    "Infinity": (b'{"model":"x","duration_s":-Infinity}', "not_a_number", "/duration_s"),
    "1e400": (b'{"model":"x","options":{"a":1e400}}', "not_a_number", "/options/a"),
    "65 bits": (b'{"model":"x","seed":18446744073709551616}', "number_too_large", "/seed"),
    "5000 digits": (b'{"model":"x","seed":' + b"9" * 5000 + b"}", "number_too_large", ""),
    "a name twice": (b'{"model":"x","model":"y"}', "repeated_name", "/model"),
    "a name twice inside": (b'{"model":"x","options":{"a":{"b":1,"b":1}}}', "repeated_name", "/options/a/b"),
    "40 levels": (deep(40), "too_deep", "/options/a" + "/0" * 30),
    "10 000 levels": (deep(10_000), "too_deep", ""),
    "10 000 open": (b"[" * 10_000, "too_deep", ""),
    "an array": (b"[]", "wrong_type", ""),
    "a text": (b'"model"', "wrong_type", ""),
    "null": (b"null", "wrong_type", ""),
    "no model": (b"{}", "required", "/model"),
    "model null": (b'{"model":null}', "wrong_type", "/model"),
    "model empty": (b'{"model":""}', "too_short", "/model"),
    "model long": (b'{"model":"' + b"x" * 129 + b'"}', "too_long", "/model"),
    "number as text": (b'{"model":"x","duration_s":"5s"}', "wrong_type", "/duration_s"),
    "text as number": (b'{"model":"x","prompt":5}', "wrong_type", "/prompt"),
    "true as number": (b'{"model":"x","n":true}', "wrong_type", "/n"),
    "1 as true": (b'{"model":"x","audio":1}', "wrong_type", "/audio"),
    "unknown field": (b'{"model":"x","promt":"y"}', "unknown_field", "/promt"),
    "metadata number": (b'{"model":"x","metadata":{"a/b":1}}', "wrong_type", "/metadata/a~1b"),
    "metadata long": (b'{"model":"x","metadata":{"a":"%s"}}' % (b"x" * 513), "too_long", "/metadata/a"),
    "65 images": (
        b'{"model":"x","reference_images":[%s]}' % b",".join([b'{"url":"http://a.test/b"}'] * 65),
        "too_long",
        "/reference_images",
    ),
    "image role": (
        b'{"model":"x","reference_images":[{"url":"http://a.test/b","role":"frame"}]}',
        "not_offered",
        "/reference_images/0/role",
    ),
    "image address": (
        b'{"model":"x","reference_images":[{"url":"file:///etc/passwd"}]}',
        "wrong_format",
        "/reference_images/0/url",
    ),
    "image base64": (
        b'{"model":"x","reference_images":[{"data":"data:image/png;base64,QUJ"}]}',
        "wrong_format",
        "/reference_images/0/data",
    ),
    "image empty": (b'{"model":"x","reference_images":[{}]}', "inconsistent", "/reference_images/0"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_body_that_cannot_be_meant_is_refused(acme: httpx.AsyncClient, name: str) -> None:
    content, code, pointer = BAD[name]
    reply = await acme.post("/v1/tasks", headers=JSON, content=content)
    problem = refused(reply, 400, "malformed_request")
    first = problem["problems"][0]
    assert (first["code"], first["pointer"]) == (code, pointer)
    assert len(reply.content) < 20_000
    assert (await acme.get("/v1/tasks")).json()["data"] == []


async def test_several_problems_are_told_together(acme: httpx.AsyncClient) -> None:
    body = {
        "modle": "x",
        "duration_s": "5",
        "n": 1.5,
        "reference_images": [{"urll": "x", "url": "http://a.b"}],
    }
    problem = refused(await acme.post("/v1/tasks", json=body), 400, "malformed_request")
    found = {entry["pointer"]: entry for entry in problem["problems"]}
    assert found.keys() == {"/model", "/modle", "/duration_s", "/n", "/reference_images/0/urll"}
    assert found["/modle"]["nearest"] == "model"
    assert found["/reference_images/0/urll"]["nearest"] == "url"
    assert found["/duration_s"]["got"] == "5"


async def test_a_role_that_there_is_not_names_those_that_there_are(acme: httpx.AsyncClient) -> None:
    image = {"url": "http://a.test/b", "role": "frame"}
    reply = await acme.post("/v1/tasks", json=wish(reference_images=[image]))
    entry = refused(reply, 400, "malformed_request")["problems"][0]
    assert (entry["got"], entry["allowed"][:2]) == ("frame", ["reference", "first_frame"])


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
    ],
)
async def test_other_content_types_are_told_what_is_expected(acme: httpx.AsyncClient, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    reply = await acme.post("/v1/tasks", headers=headers, content=json.dumps(wish()))
    assert "application/json" in refused(reply, 400, "malformed_request")["detail"]


async def test_json_may_name_its_charset_but_not_be_compressed(acme: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await acme.post("/v1/tasks", headers=headers, content=json.dumps(wish()))).status_code == 202
    reply = await acme.post("/v1/tasks", headers=JSON | {"Content-Encoding": "gzip"}, content=b"\x1f\x8b")
    refused(reply, 400, "malformed_request")


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
    content = START + image % (b"QUJD" * (((8 << 20) - 200) // 4)) + b"}"
    assert (await acme.post("/v1/tasks", headers=JSON, content=content)).status_code == 202


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


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"ratio": "16:0"}, "/ratio"),
        ({"ratio": "١٦:٩"}, "/ratio"),
        ({"duration_s": -1}, "/duration_s"),
        ({"duration_s": 5.0000001}, "/duration_s"),
        ({"duration_s": 1e308}, "/duration_s"),
        ({"seed": -1}, "/seed"),
        ({"n": 0}, "/n"),
        ({"prompt": "\x07" * 100}, "/prompt"),
        ({"prompt": "  "}, "/prompt"),
        ({"prompt": " " * 65_536}, "/prompt"),
        ({"metadata": {"a": "b\nc"}}, "/metadata/a"),
        ({"options": {"x" * 60_000: 1}}, "/options/" + "x" * 191),
    ],
)
async def test_readable_nonsense_is_unacceptable(
    acme: httpx.AsyncClient, changes: dict[str, Any], pointer: str
) -> None:
    reply = await acme.post("/v1/tasks", json=wish(**changes))
    problem = refused(reply, 422, "unacceptable_parameters")
    assert problem["problems"][0]["pointer"].startswith(pointer)
    assert len(reply.content) < 20_000


@pytest.mark.parametrize(
    "text", ["‮ right to left", "家族 👨‍👩‍👧", "a\tb\r\nc", "a\u2028b", "x" * 2000, "-0", "𝔘"]
)
async def test_any_text_is_kept_as_it_is(acme: httpx.AsyncClient, text: str) -> None:
    reply = await acme.post("/v1/tasks", json=wish(prompt=text))
    assert reply.status_code == 202
    assert (await acme.get(f"/v1/tasks/{reply.json()['id']}")).json()["request"]["prompt"] == text
