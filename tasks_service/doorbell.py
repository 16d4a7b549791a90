"""The doorbell: tells workers that a step has work. Best effort; a ring that is lost costs one tick."""

import asyncio
import json
from typing import Any, Protocol

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError
from structlog.stdlib import get_logger

from tasks_service.ending import end

QUEUE = "creative-tasks"
RING = "ring"  # the one arq function; its one argument is the step's name

# A ring must not hold up a customer's answer, nor hammer a server that is away.
_PATIENCE_S = 0.2
_PAUSE_S = 1.0
_BETWEEN_S = 0.05

log = get_logger()


class Doorbell(Protocol):
    """Anything that can be rung."""

    async def ring(self, step: str) -> None:
        """Say that a step has work; never raises."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class SilentDoorbell:
    """Where there is no Redis: workers find the work at their next tick."""

    async def ring(self, step: str) -> None:
        """Nothing to ring."""

    async def close(self) -> None:
        """Nothing to close."""


class ArqDoorbell:
    """Rings through arq. Equal rings coalesce, so its load is the number of rings, not of tasks."""

    def __init__(self, redis_url: str):
        self._arq = ArqRedis(
            pool_or_conn=ConnectionPool.from_url(
                redis_url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S
            ),
            job_serializer=pack,
            job_deserializer=unpack,
            default_queue_name=QUEUE,
        )
        self._wanted: dict[str, None] = {}
        self._ringing: asyncio.Task[None] | None = None

    async def ring(self, step: str) -> None:
        """Say that a step has work; never raises. Nobody waits for Redis: one task rings for all."""
        self._wanted[step] = None
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring_all())

    async def close(self) -> None:
        """Let what was rung be heard, and let go of the connections."""
        if self._ringing is not None:
            await asyncio.wait({self._ringing}, timeout=_PATIENCE_S)
            await end([self._ringing])
        await self._arq.aclose(close_connection_pool=True)

    async def _ring_all(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            heard = [await self._ring(step) for step in wanted]
            # Whoever rings meanwhile is heard after the pause, with all the others.
            await asyncio.sleep(_BETWEEN_S if all(heard) else _PAUSE_S)

    async def _ring(self, step: str) -> bool:
        try:
            await self._arq.enqueue_job(RING, step, _job_id=f"ring:{step}")
        except (RedisError, OSError) as error:
            log.warning("doorbell_silent", step=step, error=type(error).__name__)
            return False
        return True


def doorbell(redis_url: str) -> Doorbell:
    """The doorbell for a Redis URL, or a silent one where there is none."""
    return ArqDoorbell(redis_url) if redis_url else SilentDoorbell()


def pack(job: dict[str, Any]) -> bytes:
    """arq's default is pickle: running code for whoever can write to Redis. This is JSON."""
    return json.dumps(job, default=str).encode()


def unpack(data: bytes) -> dict[str, Any]:
    """The way back."""
    return json.loads(data)
