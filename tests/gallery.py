"""Real pictures, and a real server on loopback that shows them as a test tells it to."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from PIL import Image

Show = Callable[[asyncio.StreamWriter], Awaitable[None]]


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """Noise, so that no two are alike and nothing compresses away."""
    drawn = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(drawn, kind, **options)
    return drawn.getvalue()


def data_uri(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


class Gallery:
    """What hangs at which path: bytes to be shown properly, or something that writes whatever it likes."""

    def __init__(self) -> None:
        self.url = ""
        self.walls: dict[str, bytes | Show] = {}
        self.visits: list[str] = []
        self.open = 0
        self.most_open = 0
        self._came = asyncio.Condition()

    def hang(self, path: str, what: bytes | Show) -> str:
        self.walls[path] = what
        return f"{self.url}{path}"

    async def visited_by(self, count: int) -> None:
        """Returns when so many have come."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.visits) >= count)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        # A visitor who leaves early breaks the line, and one that waits is cut when the gallery closes.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
            async with self._came:
                self.visits.append(path)
                self._came.notify_all()
            await self._show(path.partition("?")[0], writer)
            await writer.drain()
        self.open -= 1
        writer.close()

    async def _show(self, path: str, writer: asyncio.StreamWriter) -> None:
        what = self.walls.get(path)
        if what is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif isinstance(what, bytes):
            writer.write(head(f"Content-Length: {len(what)}") + what)
        else:
            await what(writer)


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The beginning of an answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", "Connection: close", *lines, "", "")).encode()


@asynccontextmanager
async def showing() -> AsyncIterator[Gallery]:
    gallery = Gallery()
    server = await asyncio.start_server(gallery.answer, "127.0.0.1", 0)
    gallery.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield gallery
