"""A picture is the same picture however it comes: as bytes, as an upload, or from an address."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tasks_service.app import create_app
from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.api.conftest import World, refused, settings_for, submit, wish


def png(colour: str) -> bytes:
    """A picture."""
    file = io.BytesIO()
    Image.new("RGB", (640, 360), colour).save(file, "PNG")
    return file.getvalue()


KITE, BOAT = png("red"), png("blue")


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A real server on loopback that has the picture of a kite."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(KITE), KITE))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def customer(ledger: Ledger, dsn: str, tmp_path: Path, site: str) -> AsyncIterator[httpx.AsyncClient]:
    """A customer of a service that may fetch from the site."""
    settings = settings_for(dsn, tmp_path, trusted_image_origins=(site,))
    app = create_app(settings)
    async with app.router.lifespan_context(app), AsyncExitStack() as opened:
        yield await World(app, ledger, settings, opened).client("acme")


@pytest.fixture
async def ways(customer: httpx.AsyncClient, site: str) -> dict[str, dict[str, Any]]:
    """The same kite, four times."""
    upload = await customer.post("/v1/files", content=KITE, headers={"Content-Type": "image/png"})
    assert upload.status_code == 201, upload.text
    return {
        "inline": inline(KITE),
        "upload": {"file_id": upload.json()["id"]},
        "address": {"url": f"{site}/kite.png"},
        "other address": {"url": f"{site}/moved/kite?token=1"},
    }


def inline(picture: bytes) -> dict[str, Any]:
    return {"data": f"data:image/png;base64,{base64.b64encode(picture).decode()}"}


def framed(image: dict[str, Any]) -> dict[str, Any]:
    return {"reference_images": [image | {"role": "first_frame"}]}


@pytest.mark.parametrize("first", ["inline", "upload", "address"])
async def test_the_same_bytes_are_the_same_work_however_they_came(
    customer: httpx.AsyncClient, ways: dict[str, dict[str, Any]], first: str
) -> None:
    task = await submit(customer, **framed(ways[first]))

    for way in ways.values():
        reply = await customer.post("/v1/tasks", json=wish(**framed(way)))
        assert refused(reply, 409, "duplicate_task")["duplicate_of"]["id"] == task["id"]
    assert (await submit(customer, **framed(inline(BOAT))))["id"] != task["id"]


@pytest.mark.parametrize("way", ["inline", "upload"])
async def test_the_same_key_with_the_same_bytes_is_a_replay(
    customer: httpx.AsyncClient, ways: dict[str, dict[str, Any]], way: str
) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await customer.post("/v1/tasks", json=wish(**framed(ways["inline"])), headers=headers)

    again = await customer.post("/v1/tasks", json=wish(**framed(ways[way])), headers=headers)

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


@pytest.mark.parametrize("other", ["address", "another picture"])
async def test_the_same_key_with_an_address_or_other_bytes_asks_for_something_else(
    customer: httpx.AsyncClient, ways: dict[str, dict[str, Any]], other: str
) -> None:
    """A replay fetches nothing, so what is behind an address that it has not seen does not matter."""
    headers = {"Idempotency-Key": "k"}
    await customer.post("/v1/tasks", json=wish(**framed(ways["inline"])), headers=headers)

    picture = ways[other] if other in ways else inline(BOAT)
    again = await customer.post("/v1/tasks", json=wish(**framed(picture)), headers=headers)

    differs = refused(again, 422, "idempotency_key_reused")["differs"]
    assert differs
    assert all(pointer.startswith("/reference_images/0/") for pointer in differs)
