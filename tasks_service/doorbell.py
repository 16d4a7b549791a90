"""The doorbell: tells workers that a step has work. Best effort; a ring that is lost costs one tick."""

import json
import time
from typing import Any, Protocol

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError
from structlog.stdlib import get_logger

QUEUE = "creative-tasks"
RING = "ring"  # the one arq function; its one argument is the step's name

# A ring must not hold up a customer's answer, nor hammer a server that is away.
_PATIENCE_S = 0.2
_PAUSE_S = 1.0

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
        self._quiet_until = 0.0

    async def ring(self, step: str) -> None:
        """Say that a step has work; never raises."""
        if time.monotonic() < self._quiet_until:
            return
        try:
            await self._arq.enqueue_job(RING, step, _job_id=f"ring:{step}")
        except (RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + _PAUSE_S
            log.warning("doorbell_silent", step=step, error=type(error).__name__)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._arq.aclose(close_connection_pool=True)


def doorbell(redis_url: str) -> Doorbell:
    """The doorbell for a Redis URL, or a silent one where there is none."""
    return ArqDoorbell(redis_url) if redis_url else SilentDoorbell()


def pack(job: dict[str, Any]) -> bytes:
    """arq's default is pickle: running code for whoever can write to Redis. This is JSON."""
    return json.dumps(job, default=str).encode()


def unpack(data: bytes) -> dict[str, Any]:
    """The way back."""
    return json.loads(data)
