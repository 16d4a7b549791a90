"""Breaks things at times that a seed decides, and puts every one of them right again."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import redis.asyncio
from redis.exceptions import RedisError

from tests.faults.stage import APIS, WORKERS, Stage

# How often each comes relative to the others.
_DEEDS = {
    "kill_worker": 5, "kill_api": 4, "pause_worker": 3, "pause_api": 1, "stop_worker": 2, "stop_api": 1,
    "flush_valkey": 3, "kill_valkey": 1, "crash_postgres": 1,
}  # fmt: skip
# A recovering PostgreSQL is no target: nothing could be accepted meanwhile that the run could lose.
_BETWEEN_CRASHES_S = 45.0
# Each a kill of its own process, and seldom enough that a worker lives for some seconds.
_WORKER_POINTS = ",".join(
    f"{point}=kill@{chance}"
    for point, chance in {
        "submit.claimed": 0.0005, "submit.before_intent": 0.001, "submit.intent_committed": 0.006,
        "submit.covered": 0.006, "submit.connected": 0.006, "submit.answered": 0.006, "submit.before_settle": 0.003,
        "submit.settling": 0.003, "submit.settled": 0.001, "submit.overtaken": 0.02, "lookup.answered": 0.003,
        "adopt.moved": 0.02, "poll.moving": 0.001, "poll.moved": 0.001, "download.fetched": 0.001,
        "download.stored": 0.002, "download.recording": 0.002, "download.recorded": 0.001,
    }.items()
)  # fmt: skip
_API_POINTS = "accept.before=kill@0.004,accept.committed=kill@0.008"
ARMED = dict.fromkeys(WORKERS, _WORKER_POINTS) | dict.fromkeys(APIS, _API_POINTS)
NOTHING = dict.fromkeys((*WORKERS, *APIS), "")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that is broken: when, what, whose, and for how long."""

    at_s: float
    what: str
    whose: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.at_s:7.1f} s  {self.what} {self.whose} {self.seconds:.1f}"


def schedule(rng: Random, until_s: float, every_s: float) -> list[Deed]:
    """Deeds until a time; each kind comes once before chance decides."""
    return list(_deeds(rng, until_s, every_s))


def _deeds(rng: Random, until_s: float, every_s: float) -> Iterator[Deed]:
    first = list(_DEEDS)
    rng.shuffle(first)
    at_s, crashed_at = 1.0, -_BETWEEN_CRASHES_S
    while at_s < until_s:
        what = first.pop() if first else rng.choices(list(_DEEDS), list(_DEEDS.values()))[0]
        if what == "crash_postgres":
            if at_s - crashed_at < _BETWEEN_CRASHES_S:
                what = "kill_worker"
            else:
                crashed_at = at_s
        yield Deed(round(at_s, 2), what, _whose(rng, what), _how_long(rng, what))
        at_s += rng.uniform(0.4, 1.6) * every_s


def _whose(rng: Random, what: str) -> str:
    name = what.partition("_")[2]
    return rng.choice({"worker": WORKERS, "api": APIS}.get(name, (name,)))


def _how_long(rng: Random, what: str) -> float:
    if what.startswith("pause"):
        return round(rng.uniform(2, 10), 2)  # the lease is three seconds
    return round(rng.uniform(0, 2), 2)


class Nemesis:
    """Carries a schedule out; each deed that lasts goes on beside the next."""

    def __init__(self, stage: Stage, deeds: list[Deed]):
        self._stage, self._deeds = stage, deeds
        self.done: Counter[str] = Counter()

    async def rage(self) -> None:
        """Do all of it; returns when the last is put right. An error in a deed ends the run."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as lasting:
            for deed in self._deeds:
                await asyncio.sleep(max(began + deed.at_s - loop.time(), 0))
                lasting.create_task(self._do(deed))

    async def _do(self, deed: Deed) -> None:
        match deed.what.partition("_"):
            case ("kill", _, "valkey"):
                done = await self._kill_valkey(deed.seconds)
            case ("kill", *_):
                done = self._end(deed, signal.SIGKILL)
            case ("stop", *_):
                done = self._end(deed, signal.SIGTERM)
            case ("pause", *_):
                done = await self._pause(deed)
            case ("flush", *_):
                done = await self._flush()
            case _:
                await self._stage.crash_postgres(deed.seconds)
                done = True
        self.done[deed.what] += done

    def _end(self, deed: Deed, which: signal.Signals) -> bool:
        if self._stage.processes[deed.whose].poll() is not None:
            return False  # its own failpoint was quicker
        self._stage.hold_down(deed.whose, deed.seconds)
        self._stage.signal(deed.whose, which)
        return True

    async def _pause(self, deed: Deed) -> bool:
        """Longer than the lease: others take over, and then it wakes and knows nothing of it."""
        paused = self._stage.processes[deed.whose]
        if paused.poll() is not None:
            return False
        paused.send_signal(signal.SIGSTOP)
        await asyncio.sleep(deed.seconds)
        if paused.poll() is None:
            paused.send_signal(signal.SIGCONT)
        return True

    async def _flush(self) -> bool:
        if self._stage.valkey is None:
            return False
        client = redis.asyncio.Redis.from_url(self._stage.valkey.url)
        try:
            await client.flushall()
        except RedisError:
            return False  # it is down just now
        finally:
            await client.aclose()
        return True

    async def _kill_valkey(self, seconds: float) -> bool:
        valkey = self._stage.valkey
        if valkey is None or not valkey.is_alive():
            return False
        os.kill(valkey.pid, signal.SIGKILL)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(valkey.restart)
        return True
