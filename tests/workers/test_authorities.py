"""Whom we believe who an address belongs to: those whom we name, on every connection that we make."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tasks_service.outside import Outside, Unfetched, authorities
from workers.upstream import _client

# Of nobody: made for this test, for localhost, and good for a hundred years.
CERTIFICATE = (
    "MIIBmzCCAUGgAwIBAgIUWZlUGu8PAv18ZMnfpYQRriAemVgwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAX"
    "DTI2MTEyNTIxNTYwNFoYDzIxMjYxMTAxMjE1NjA0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO"
    "PQMBBwNCAASr05Xlreh34vM6AUUCr+yc+JXWaTvh6bbSlJ21iqZJir7kaKvCDlbIQi/73Co0qoACYUjPLK/NdRoeOVupFNHH"
    "o28wbTAdBgNVHQ4EFgQULYiWWSWhFdYirl9ZijsooKweluAwHwYDVR0jBBgwFoAULYiWWSWhFdYirl9ZijsooKweluAwDwYD"
    "VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDSAAwRQIgBzlkAScfo6T7ErrE"
    "KpjJg9KWAgDbm/M+6ZniKUrnLs8CIQDEbVCNGXMK7wrqevhIxUsCVKDKuoiFPyWBaMoXVBlGmw=="
)
KEY = (
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgK2xY0OqHrcUxjB/ZfARsPktfj6llksjbhm55EgkbUzChRANC"
    "AASr05Xlreh34vM6AUUCr+yc+JXWaTvh6bbSlJ21iqZJir7kaKvCDlbIQi/73Co0qoACYUjPLK/NdRoeOVupFNHH"
)


def pem(kind: str, content: str) -> str:
    return f"-----BEGIN {kind}-----\n{content}\n-----END {kind}-----\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    await writer.drain()
    writer.close()


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """Somebody who says that he is localhost, and proves it to those who believe his authority."""
    file = tmp_path / "shown.pem"
    file.write_text(pem("PRIVATE KEY", KEY) + pem("CERTIFICATE", CERTIFICATE))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(file)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=shown)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    authorities.cache_clear()


async def upstream_says(url: str) -> str:
    async with _client(keep=False) as client:
        return (await client.get(url)).text


async def outside_says(url: str) -> str:
    outside = Outside()
    try:
        async with outside.get(url, trusted=url) as response:
            return (await response.aread()).decode()
    finally:
        await outside.close()


@pytest.mark.parametrize("says", [upstream_says, outside_says])
async def test_who_is_vouched_for_by_nobody_whom_we_know_is_not_spoken_to(url: str, says):
    with pytest.raises((httpx.TransportError, Unfetched)):
        await says(url)


@pytest.mark.parametrize("says", [upstream_says, outside_says])
async def test_whose_authority_is_among_ours_is_spoken_to(url: str, says):
    authorities.cache_clear()
    authorities().load_verify_locations(cadata=pem("CERTIFICATE", CERTIFICATE))

    assert await says(url) == "ok"
