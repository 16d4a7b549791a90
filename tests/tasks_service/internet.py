"""The world beyond this machine, as far as it can be had on loopback: sites, names, and a way to fetch."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tasks_service.outside import Outside

PUBLIC, ALSO_PUBLIC = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"


class Site:
    """A real server on loopback; a path may lead on, and every request is kept."""

    def __init__(self) -> None:
        self.paths: dict[str, str | None] = {}
        self.requests: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(request)
        path = request.split(" ")[1]
        status = "302 Found" if path in self.paths else "200 OK"
        location = self.paths.get(path)
        more = "" if location is None else f"Location: {location}\r\n"
        writer.write(
            f"HTTP/1.1 {status}\r\n{more}Content-Length: 5\r\nConnection: close\r\n\r\nhello".encode()
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield site


class Internet:
    """Names that resolve as told; a connection to a public address arrives at a site on loopback."""

    def __init__(self, names: Mapping[str, list[list[str]]], far: Site):
        self.names = {name: list(answers) for name, answers in names.items()}
        self.far = far
        self.asked: list[str] = []
        self.connected: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self.names.get(host.removesuffix("."), [])
        if not answers:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def fetch(outside: Outside, url: str, headers: Mapping[str, str] | None = None, **more: Any) -> bytes:
    async with outside.get(url, headers, **more) as response:
        assert response.status_code == 200
        return b"".join([chunk async for chunk in response.aiter_raw()])
