"""A load client in a process of its own: HTTP/1.1 with keep-alive, and as little work as can be.

A general client would cost more than the routes that it measures, on cores that it shares with them. Run as a program
it reads one job from standard input and writes what it saw to standard output, both as JSON.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

import uvloop

# In a request it stands for a number that no other request has, of the same length.
UNIQUE = "{one-of-its-own}"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_TICK_S = 0.002
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to send, where and for how long: over so many connections, or at a rate whatever the answers."""

    port: int
    requests: Sequence[str]
    seconds: float
    connections: int = 64
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back, by status; latencies are those of the answers below 300."""

    seconds: float
    answers: Mapping[str, int] = field(default_factory=dict)
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    most_ms: float = 0.0

    @property
    def good(self) -> int:
        """Answers below 300."""
        return sum(times for status, times in self.answers.items() if status < "300")

    @property
    def per_s(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds


def request(method: str, path: str, headers: Mapping[str, str], body: str = "") -> str:
    """A request as it goes over the line."""
    everything = {"host": "bench", **headers}
    if body:
        everything |= {"content-type": "application/json", "content-length": str(len(body.encode()))}
    head = "".join(f"{name}: {value}\r\n" for name, value in everything.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}"


async def send(job: Job) -> Seen:
    """Load a server from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(asdict(job)).encode())
    if process.returncode:
        raise RuntimeError("the load client broke")
    return Seen(**json.loads(out))


class _Crowd:
    """All connections, and what they saw."""

    def __init__(self, job: Job):
        self.job = job
        self.answers = Counter[str]()
        self.latencies: list[float] = []
        self.idle = deque[_Line]()
        self.under_way = 0
        self.over = False
        self.done = asyncio.Event()
        self._pairs = [tuple(text.encode().split(UNIQUE.encode())) for text in job.requests]
        self._number = count(time.time_ns())

    def next_request(self) -> bytes:
        number = next(self._number)
        mark = f"{number:0{len(UNIQUE)}d}"[-len(UNIQUE) :].encode()
        return mark.join(self._pairs[number % len(self._pairs)])

    def seen(self, line: "_Line", status: str, latency_s: float) -> None:
        self.answers[status] += 1
        self.under_way -= 1
        if status < "300":
            self.latencies.append(latency_s)
        if self.job.rate is None and not self.over:
            line.ask(time.perf_counter())
            return
        self.idle.append(line)
        if self.over and not self.under_way:
            self.done.set()

    async def new_line(self) -> "_Line":
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(lambda: _Line(self), "127.0.0.1", self.job.port)
        return line


class _Line(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self, crowd: _Crowd):
        self._crowd = crowd
        self._got = b""
        self._since = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, since: float) -> None:
        self._since = since
        self._crowd.under_way += 1
        self.transport.write(self._crowd.next_request())

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(got, 0, end + 2)
        if len(got) < end + 4 + (int(length[1]) if length else 0):
            return
        self._got = b""
        self._crowd.seen(self, got[9:12].decode(), time.perf_counter() - self._since)


async def _run(job: Job) -> Seen:
    crowd = _Crowd(job)
    began = time.perf_counter()
    if job.rate is None:
        for line in [await crowd.new_line() for _ in range(job.connections)]:
            line.ask(time.perf_counter())
        await asyncio.sleep(job.seconds)
    else:
        await _at_a_rate(crowd, job.rate, began)
    crowd.over = True
    if job.rate is not None:
        # Whoever was asked in time counts, however late the answer.
        with suppress(TimeoutError):
            await asyncio.wait_for(crowd.done.wait(), _PATIENCE_S)
    took = time.perf_counter() - began
    answers, latencies = dict(crowd.answers), sorted(crowd.latencies)
    if not latencies:
        return Seen(took, answers)
    cuts = (
        statistics.quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
    )
    return Seen(took, answers, cuts[49] * 1000, cuts[98] * 1000, latencies[-1] * 1000)


async def _at_a_rate(crowd: _Crowd, rate: float, began: float) -> None:
    """Latency counts from when a request was due, so that a server that stalls does not hide it."""
    sent = 0
    while (now := time.perf_counter()) < began + crowd.job.seconds:
        while sent < (now - began) * rate:
            line = crowd.idle.popleft() if crowd.idle else await crowd.new_line()
            line.ask(began + sent / rate)
            sent += 1
        await asyncio.sleep(_TICK_S)


if __name__ == "__main__":
    json.dump(asdict(uvloop.run(_run(Job(**json.load(sys.stdin))))), sys.stdout)
