"""Bodies that are not what they should be."""

import json
from typing import Any

import httpx
import pytest

from tests.tasks_service.api.conftest import refused, wish

JSON = {"Content-Type": "application/json"}
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


async def test_what_can_be_read_is_judged_beside_what_cannot(acme: httpx.AsyncClient) -> None:
    body = wish(n="2", ratio="2:1", duration_s=7, metadata={"a": "\x07"})
    problem = refused(await acme.post("/v1/tasks", json=body), 400, "malformed_request")
    found = {entry["pointer"]: entry["code"] for entry in problem["problems"]}
    assert found == {
        "/n": "wrong_type", "/ratio": "not_offered", "/duration_s": "not_offered", "/metadata/a": "control_character"
    }  # fmt: skip


async def test_what_depends_on_an_unreadable_field_is_not_guessed(acme: httpx.AsyncClient) -> None:
    # Without its image this request would have no prompt and a ratio that goes with no frame.
    image = {"role": "first_frame", "url": "ftp://a.test/b"}
    body = {"model": "kling-v2-6", "ratio": "16:9", "reference_images": [image]}
    problem = refused(await acme.post("/v1/tasks", json=body), 400, "malformed_request")
    assert [entry["pointer"] for entry in problem["problems"]] == ["/reference_images/0/url"]


WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "a number": ({"n": "2"}, "/n must be a whole number."),
    "too many": (
        {"metadata": {str(n): "" for n in range(33)}}, "/metadata has 33 entries; at most 32 are possible."
    ),
    "too many images": (
        {"reference_images": [{"url": "http://a.test/b"}] * 65},
        "/reference_images has 65 entries; at most 64 are possible.",
    ),
    "an address": (
        {"reference_images": [{"url": "b.png"}]},
        "/reference_images/0/url must be an address that begins with http:// or https:// and holds no white space.",
    ),
    "a name": (
        {"metadata": {"x" * 65: ""}},
        f"The name of /metadata/{'x' * 65} has 65 characters; at most 64 are possible.",
    ),
    "two sources": (
        {"reference_images": [{}]}, "/reference_images/0 must have exactly one of url, data and file_id."
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
async def test_a_sentence_about_the_form_makes_sense_alone(acme: httpx.AsyncClient, name: str) -> None:
    changes, sentence = WORDS[name]
    problem = refused(await acme.post("/v1/tasks", json=wish(**changes)), 400, "malformed_request")
    assert problem["problems"][0]["detail"] == sentence
    assert "pattern" not in problem["problems"][0].get("allowed", {})


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
        ({"prompt": "\u202e right to left"}, "/prompt"),
        ({"metadata": {"a": "b\u202ec"}}, "/metadata/a"),
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
    "text", ["\u200f right to left", "家族 👨‍👩‍👧", "a\tb\r\nc", "a\u2028b", "x" * 2000, "-0", "𝔘"]
)
async def test_any_text_is_kept_as_it_is(acme: httpx.AsyncClient, text: str) -> None:
    reply = await acme.post("/v1/tasks", json=wish(prompt=text))
    assert reply.status_code == 202
    assert (await acme.get(f"/v1/tasks/{reply.json()['id']}")).json()["request"]["prompt"] == text
