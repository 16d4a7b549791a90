"""An upstream that costs next to nothing: the sandbox's answers to looks, by a bare protocol in its own process.

A job's id says when it is ready, `job-MILLISECONDS-NUMBER`, so nothing is kept. LATENCY_MS is how long an answer takes.
"""

import asyncio
import os
import re
import time
from typing import Any

import uvloop

_JOB = re.compile(rb"GET /sandbox/v1/jobs/job-(\d+)-")
_READY = b'{"id":"j","status":"ready","progress":100,"results":[{"url":"http://127.0.0.1:1/file","type":"image/png"}]}'
_RENDERING = b'{"id":"j","status":"waiting","created_at":"2026-01-01T00:00:00+00:00","model":"sandbox-video-1","progress":0}'
_LATENCY_S = float(os.environ.get("LATENCY_MS", "0")) / 1000


def _answer(body: bytes) -> bytes:
    # As many headers as vendors send, give or take.
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nServer: studio\r\n"
        "X-Request-Id: 0190b2c4-7d1e-7cc2-9b1a-000000000000\r\nCache-Control: no-store\r\nVary: Accept-Encoding\r\n"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


READY, RENDERING = _answer(_READY), _answer(_RENDERING)


class Line(asyncio.Protocol):
    """One connection; whoever asks waits for the answer before asking again."""

    transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        job = _JOB.match(data)
        answer = READY if job and time.time() * 1000 >= int(job[1]) else RENDERING
        if _LATENCY_S:
            asyncio.get_running_loop().call_later(_LATENCY_S, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(
        Line, "127.0.0.1", int(os.environ["PORT"]), backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
