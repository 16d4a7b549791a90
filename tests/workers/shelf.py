"""An upstream with finished work: it speaks the sandbox's dialect, and serves its files as a test tells it."""

import asyncio
import io
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from PIL import Image

SIZE, PADDING = 270_000, 30_000
HALF = SIZE // 2


def picture(size: int = SIZE) -> bytes:
    """A picture unlike any other, of exactly this size; its last bytes could be missing and nobody would see."""
    out = io.BytesIO()
    Image.effect_noise((480, 480), 90).save(out, "PNG")
    whole = out.getvalue()
    assert len(whole) < size - PADDING
    return whole + bytes(size - len(whole))


@dataclass
class Got:
    """One request for a file, and how many bytes of a file went out."""

    token: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class Shelf:
    """One server; each request for a file takes the next delivery of the list, or an honest one."""

    files: list[bytes] = field(default_factory=lambda: [picture()])
    tags: dict[str, str] = field(default_factory=lambda: {"etag": '"v1"'})
    deliveries: deque["Delivery"] = field(default_factory=deque)
    otherwise: "Delivery | None" = None
    look_status: int = 200
    look_says: dict[str, object] = field(default_factory=dict)
    expires_at: datetime | None = None
    looks: list[str] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    @property
    def statuses(self) -> list[int]:
        return [got.status for got in self.got]

    @property
    def sent(self) -> int:
        return sum(got.sent for got in self.got)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            path = head[0].split(" ")[1]
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            if path.startswith("/sandbox/v1/jobs/"):
                self.looks.append(path.rpartition("/")[2])
                await say(writer, self.look_status, json.dumps(self._look()).encode())
            else:
                await self._deliver(path.rpartition("/")[2], headers, writer)
        writer.close()

    def _look(self) -> dict[str, object]:
        end = self.expires_at.isoformat() if self.expires_at else None
        results = [
            {"url": f"{self.url}/files/{len(self.looks)}-{n}", "type": "image/png", "expires_at": end}
            for n in range(len(self.files))
        ]
        return {"id": self.looks[-1], "status": "ready", "results": results} | self.look_says

    async def _deliver(self, token: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        got = Got(token, headers)
        self.got.append(got)
        delivery = self.deliveries.popleft() if self.deliveries else self.otherwise or honest
        await delivery(self, got, writer)


Delivery = Callable[[Shelf, Got, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(shelf: Shelf) -> AsyncIterator[Shelf]:
    server = await asyncio.start_server(shelf.answer, "127.0.0.1", 0)
    shelf.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield shelf
    finally:
        shelf.over.set()
        server.close()


async def say(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    *,
    length=True,
) -> None:
    named = {"content-length": str(len(body))} if length else {}
    fields = "".join(f"{name}: {value}\r\n" for name, value in (named | (headers or {})).items())
    writer.write(f"HTTP/1.1 {status} X\r\n{fields}connection: close\r\n\r\n".encode() + body)
    await writer.drain()


async def honest(shelf: Shelf, got: Got, writer: asyncio.StreamWriter, *, cut: int | None = None) -> None:
    """As RFC 9110 has it; with `cut` the line ends when so much is out."""
    whole = shelf.files[int(got.token.rpartition("-")[2])]
    start, headers = 0, dict(shelf.tags)
    asked = re.fullmatch(r"bytes=(\d+)-", got.headers.get("range", ""))
    same = got.headers.get("if-range") in (None, *(tag.lower() for tag in shelf.tags.values()))
    if asked and same:
        start = int(asked[1])
        headers["content-range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
    got.status = 206 if asked and same else 200
    body = whole[start:][:cut]
    got.sent = len(body)
    await say(writer, got.status, body, {"content-length": str(len(whole) - start)} | headers, length=False)


def cut_after(size: int) -> Delivery:
    async def deliver(shelf: Shelf, got: Got, writer: asyncio.StreamWriter) -> None:
        await honest(shelf, got, writer, cut=size)

    return deliver


def hangs_after(size: int) -> Delivery:
    async def deliver(shelf: Shelf, got: Got, writer: asyncio.StreamWriter) -> None:
        await honest(shelf, got, writer, cut=size)
        shelf.reached.set()
        await shelf.over.wait()

    return deliver


def says(status: int, body: bytes = b"no", headers: dict[str, str] | None = None, *, length=True) -> Delivery:
    async def deliver(shelf: Shelf, got: Got, writer: asyncio.StreamWriter) -> None:
        got.status = status
        await say(writer, status, body, headers, length=length)

    return deliver


async def a_part_of_whatever_is_there(shelf: Shelf, got: Got, writer: asyncio.StreamWriter) -> None:
    """A server that knows Range and does not know If-Range."""
    got.headers["asked"] = got.headers.pop("if-range", "")
    await honest(shelf, got, writer)


async def the_whole(shelf: Shelf, got: Got, writer: asyncio.StreamWriter) -> None:
    """A server that knows no Range."""
    got.headers["asked"] = got.headers.pop("range", "")
    await honest(shelf, got, writer)


def drips(size: int, every_s: float) -> Delivery:
    """So much at once, and then a byte now and then."""

    async def deliver(shelf: Shelf, got: Got, writer: asyncio.StreamWriter) -> None:
        await honest(shelf, got, writer, cut=size)
        for byte in shelf.files[0][size:]:
            await asyncio.sleep(every_s)
            writer.write(bytes([byte]))
            await writer.drain()
            got.sent += 1

    return deliver
