"""Downloads: ranges, tags, and nothing that could hurt a browser."""

import hashlib

import httpx
import pytest
from structlog.testing import capture_logs

from tests.tasks_service.api.conftest import FILE, World, refused, submit

SIZE = len(FILE)
DIGEST = hashlib.sha256(FILE).hexdigest()


@pytest.fixture
async def place(world: World, acme: httpx.AsyncClient) -> str:
    """Where a file is."""
    task = await submit(acme)
    await world.finish(task["id"])
    return f"/v1/tasks/{task['id']}/artifacts/0"


async def test_a_file_comes_whole_with_its_name_and_guards(acme: httpx.AsyncClient, place: str) -> None:
    reply = await acme.get(place)
    assert (reply.status_code, reply.content) == (200, FILE)
    headers = reply.headers
    assert headers["content-type"] == "video/mp4"
    assert headers["content-length"] == str(SIZE)
    assert headers["etag"] == f'"{DIGEST}"'
    assert headers["accept-ranges"] == "bytes"
    name = place.split("/")[3]
    assert headers["content-disposition"] == f'attachment; filename="{name}-0.mp4"'
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert {"private", "immutable"} <= set(headers["cache-control"].split(", "))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, SIZE),
        ("bytes=-100", SIZE - 100, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
        (f"bytes=5-{SIZE * 2}", 5, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("BYTES=0-9", 0, 10),
        ("bytes = 0 - 9", 0, 10),
    ],
)
async def test_a_range_comes_alone(
    acme: httpx.AsyncClient, place: str, asked: str, start: int, end: int
) -> None:
    reply = await acme.get(place, headers={"Range": asked})
    assert (reply.status_code, reply.content) == (206, FILE[start:end])
    assert reply.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert reply.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-9",
        "bytes=" + "0-," * 3000,
        "bytes=-",
        "bytes=9-5",
        "bytes=a-b",
        "lines=0-9",
        "0-9",
        "bytes=--1",
        "bytes=0-" + "9" * 40,
        "bytes=١-٢",
    ],
)
async def test_several_ranges_or_nonsense_are_answered_with_the_whole(
    acme: httpx.AsyncClient, place: str, asked: str
) -> None:
    reply = await acme.get(place, headers={"Range": asked.encode()})
    assert (reply.status_code, len(reply.content)) == (200, SIZE)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
async def test_a_range_outside_the_file_is_416(acme: httpx.AsyncClient, place: str, asked: str) -> None:
    reply = await acme.get(place, headers={"Range": asked})
    refused(reply, 416, "range_not_satisfiable")
    assert reply.headers["content-range"] == f"bytes */{SIZE}"


async def test_if_range_resumes_only_the_same_file(acme: httpx.AsyncClient, place: str) -> None:
    same = await acme.get(place, headers={"Range": "bytes=5-9", "If-Range": f'"{DIGEST}"'})
    assert (same.status_code, same.content) == (206, FILE[5:10])
    for other in ('"other"', f'W/"{DIGEST}"', "Sat, 21 Nov 2026 08:00:00 GMT", ""):
        reply = await acme.get(place, headers={"Range": "bytes=5-9", "If-Range": other})
        assert (reply.status_code, len(reply.content)) == (200, SIZE), other
    beyond = await acme.get(place, headers={"Range": f"bytes={SIZE}-", "If-Range": '"other"'})
    assert beyond.status_code == 200


async def test_a_file_that_the_client_has_is_304(acme: httpx.AsyncClient, place: str) -> None:
    reply = await acme.get(place, headers={"If-None-Match": f'"{DIGEST}"', "Range": "bytes=0-9"})
    assert (reply.status_code, reply.content) == (304, b"")


async def test_head_says_all_but_the_bytes(acme: httpx.AsyncClient, place: str) -> None:
    reply = await acme.head(place, headers={"Range": "bytes=0-9"})
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["content-length"] == str(SIZE)
    assert reply.headers["etag"] == f'"{DIGEST}"'


async def test_an_empty_file_is_a_file(world: World, acme: httpx.AsyncClient) -> None:
    task = await submit(acme)
    await world.finish(task["id"], b"", "image/png")
    place = f"/v1/tasks/{task['id']}/artifacts/0"
    reply = await acme.get(place)
    assert (reply.status_code, reply.content, reply.headers["content-length"]) == (200, b"", "0")
    refused(await acme.get(place, headers={"Range": "bytes=0-"}), 416, "range_not_satisfiable")


@pytest.mark.parametrize("n", ["1", "-1", "00", "0.0", "x", "%30%30", "9" * 50])
async def test_other_numbers_are_404(acme: httpx.AsyncClient, place: str, n: str) -> None:
    refused(await acme.get(place.removesuffix("0") + n), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kept", [None, b"", FILE[:-1]], ids=["lost", "emptied", "cut short"])
async def test_a_file_that_the_store_does_not_have_whole_is_not_given_out(
    world: World, acme: httpx.AsyncClient, place: str, method: str, kept: bytes | None
) -> None:
    (found,) = (world.settings.data_folder / "artifacts").rglob("0-*.mp4")
    found.unlink()
    if kept is not None:
        found.write_bytes(kept)
    for headers in ({}, {"Range": "bytes=0-9"}):
        with capture_logs() as lines:
            reply = await acme.request(method, place, headers=headers)
        assert (reply.status_code, int(reply.headers["retry-after"]) >= 1) == (503, True)
        assert "artifact_unavailable" in [line["event"] for line in lines if line["log_level"] == "error"]
        if method == "GET":
            assert str(found.parent.name) not in refused(reply, 503, "artifact_unavailable")["detail"]
