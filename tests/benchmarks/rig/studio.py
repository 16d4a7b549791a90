"""An upstream that costs next to nothing: the sandbox's answers to looks, by a bare protocol in its own process.

A job's id says when it is ready, `job-MILLISECONDS-NUMBER`, so nothing is kept. LATENCY_MS is how long an answer takes,
and FILE_MB how large the picture is that everybody gets.
"""

import asyncio
import io
import os
import re
import struct
import time
import zlib
from typing import Any

import uvloop
from PIL import Image

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_JOB = re.compile(rb"GET /sandbox/v1/jobs/job-(\d+)-")
_HERE = f"http://127.0.0.1:{os.environ.get('PORT', '1')}"
_READY = f'{{"id":"j","status":"ready","progress":100,"results":[{{"url":"{_HERE}/file","type":"image/png"}}]}}'.encode()
_RENDERING = b'{"id":"j","status":"waiting","created_at":"2026-01-01T00:00:00+00:00","model":"sandbox-video-1","progress":0}'
_LATENCY_S = float(os.environ.get("LATENCY_MS", "0")) / 1000


def large_picture(megabytes: int) -> bytes:
    """A true PNG, most of which is a chunk of somebody's own that no reader minds (PNG 3rd edition, 5.4)."""
    drawn, end = io.BytesIO(), 12
    Image.new("RGB", (1280, 720)).save(drawn, "PNG")
    whole, inside = drawn.getvalue(), b"foRt" + os.urandom(megabytes << 20)
    chunk = struct.pack(">I", len(inside) - 4) + inside + struct.pack(">I", zlib.crc32(inside))
    return whole[:-end] + chunk + whole[-end:]


def _answer(body: bytes, kind: str = "application/json; charset=utf-8") -> bytes:
    # As many headers as vendors send, give or take.
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nServer: studio\r\n"
        "X-Request-Id: 0190b2c4-7d1e-7cc2-9b1a-000000000000\r\nCache-Control: no-store\r\nVary: Accept-Encoding\r\n"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


_VIDEO = b'{"id":"video_1","object":"video","created_at":1764000000,"status":"queued","model":"sora-2","progress":0,"seconds":"4","size":"720x1280"}'
CREATED = _answer(_VIDEO)
READY, RENDERING = _answer(_READY), _answer(_RENDERING)
FILE = _answer(large_picture(int(os.environ.get("FILE_MB", "0"))), "image/png")


class Line(asyncio.Protocol):
    """One connection; whoever asks waits for the answer before asking again."""

    transport: Any = None
    _got = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /file"):
            self.transport.write(FILE)
            return
        if self._got or data.startswith(b"POST"):
            self._create(data)
            return
        job = _JOB.match(data)
        answer = READY if job and time.time() * 1000 >= int(job[1]) else RENDERING
        if _LATENCY_S:
            asyncio.get_running_loop().call_later(_LATENCY_S, self.transport.write, answer)
        else:
            self.transport.write(answer)

    def _create(self, data: bytes) -> None:
        """OpenAI's `POST /v1/videos`, whatever it asks for, once all of it is here."""
        got = self._got = self._got + data
        end, length = got.find(b"\r\n\r\n"), _LENGTH.search(got)
        if end >= 0 and len(got) >= end + 4 + (int(length[1]) if length else 0):
            self._got = b""
            self.transport.write(CREATED)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(
        Line, "127.0.0.1", int(os.environ["PORT"]), backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
