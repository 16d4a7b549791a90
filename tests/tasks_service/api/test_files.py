"""Uploading an image once, and naming it by its bytes; what is no image is refused like any other request."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gallery import picture
from tests.tasks_service.api.conftest import World, refused
from tests.tasks_service.pictures.hostile import HOSTILE

ABSENT = f"file_{'0' * 64}"


def kept(world: World) -> list[str]:
    folder = Path(world.settings.store.removeprefix("file://")) / "references"
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
async def test_an_upload_is_named_by_its_bytes(world: World, acme: httpx.AsyncClient, kind: str) -> None:
    content = picture(kind, (70, 50))
    # What the sender calls it does not matter.
    reply = await acme.post(
        "/v1/files", content=content, headers={"Content-Type": "application/octet-stream"}
    )

    digest = hashlib.sha256(content).hexdigest()
    body = reply.json()
    assert (reply.status_code, reply.headers["location"]) == (201, f"/v1/files/file_{digest}")
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": f"file_{digest}", "type": f"image/{kind.lower()}", "bytes": len(content), "width": 70, "height": 50,
        "sha256": digest,
    }  # fmt: skip
    assert (await acme.get(reply.headers["location"])).json() == reply.json()
    assert kept(world) == [digest]


async def test_the_same_bytes_are_the_same_file_and_lie_there_once(
    world: World, acme: httpx.AsyncClient
) -> None:
    content = picture()
    globex = await world.client("globex")
    first = await acme.post("/v1/files", content=content)
    again = await acme.post("/v1/files", files={"file": ("boat.png", content, "image/png")})
    theirs = await globex.post("/v1/files", content=content)

    assert [first.status_code, again.status_code, theirs.status_code] == [201, 200, 201]
    assert first.json() == again.json()
    assert theirs.json()["id"] == first.json()["id"]
    assert len(kept(world)) == 1


@pytest.mark.parametrize("extra", [{}, {"purpose": "vision"}])
async def test_a_form_is_read_as_sdks_send_it(acme: httpx.AsyncClient, extra: dict[str, str]) -> None:
    reply = await acme.post("/v1/files", files={"file": ("boat.png", picture(), "image/png")}, data=extra)

    assert reply.status_code == 201


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"data": {"file": "text"}, "files": {"x": ("a", b"")}}, "no part 'x'"),
        ({"files": {"image": ("a.png", b"x")}}, "no part 'image'"),
        ({"files": [("file", ("a", b"x")), ("file", ("b", b"x"))]}, "more than one file"),
        (
            {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
            "no file named",
        ),
        (
            {"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
            "cannot be read",
        ),
        ({"content": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}}, "cannot be read"),
    ],
)
async def test_a_form_without_its_one_file_is_refused(acme: httpx.AsyncClient, form: Any, words: str) -> None:
    problem = refused(await acme.post("/v1/files", **form), 400, "malformed_request")

    assert words in problem["detail"]


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_hostile_is_refused_and_not_kept(
    world: World, acme: httpx.AsyncClient, name: str
) -> None:
    content, code = HOSTILE[name]
    problem = refused(await acme.post("/v1/files", content=content), 422, "unacceptable_parameters")

    assert [entry["code"] for entry in problem["problems"]] == [code]
    assert kept(world) == []
    digest = hashlib.sha256(content).hexdigest()
    refused(await acme.get(f"/v1/files/file_{digest}"), 404, "not_found")


async def test_an_upload_is_counted_on_arrival(world: World, acme: httpx.AsyncClient) -> None:
    most, sent = world.settings.max_image_bytes, 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 2 * most:
            sent += 1 << 20
            yield bytes(1 << 20)

    problem = refused(await acme.post("/v1/files", content=endless()), 413, "body_too_large")
    assert problem["max_bytes"] == most
    announced = {"Content-Length": str(most + 1)}
    refused(await acme.post("/v1/files", content=b"", headers=announced), 413, "body_too_large")


async def test_a_form_has_room_for_its_boundaries_and_no_more(acme: httpx.AsyncClient, world: World) -> None:
    form = {"file": ("a.png", bytes(world.settings.max_image_bytes + 1))}

    problem = refused(await acme.post("/v1/files", files=form), 413, "body_too_large")
    assert problem["max_bytes"] == world.settings.max_image_bytes


async def test_a_packed_upload_is_refused(acme: httpx.AsyncClient) -> None:
    packed = {"Content-Encoding": "gzip"}

    refused(await acme.post("/v1/files", content=picture(), headers=packed), 400, "malformed_request")


async def test_a_strangers_file_is_answered_like_none(world: World, acme: httpx.AsyncClient) -> None:
    theirs = (await (await world.client("globex")).post("/v1/files", content=picture())).json()["id"]
    answers = []
    for name in (theirs, ABSENT, "nonsense", "file_" + "F" * 64):
        body = refused(await acme.get(f"/v1/files/{name}"), 404, "not_found")
        answers.append({member: value for member, value in body.items() if member != "request_id"})

    assert answers == answers[:1] * 4


async def test_a_store_that_is_away_is_said_before_anything_is_written(
    world: World, acme: httpx.AsyncClient
) -> None:
    folder = Path(world.settings.store.removeprefix("file://")) / "references"
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"not a folder")
    content = picture()

    reply = await acme.post("/v1/files", content=content)
    refused(reply, 503, "overloaded")
    assert reply.headers["retry-after"]
    refused(await acme.get(f"/v1/files/file_{hashlib.sha256(content).hexdigest()}"), 404, "not_found")
