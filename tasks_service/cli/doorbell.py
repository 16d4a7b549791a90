"""Asks the server of REDIS_URL who it is."""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.redaction import Redactor
from tasks_service.server_urls import passwords_in

_PATIENCE_S = 2


async def ask_redis(url: str) -> dict[str, Any] | str:
    """What the server says about itself, or why it does not answer."""
    try:
        client = Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S)
        try:
            return await client.info("server")
        finally:
            await client.aclose()
    except ValueError as error:
        return type(error).__name__  # its words may repeat a part of the address
    except (RedisError, OSError) as error:
        return Redactor([url, *passwords_in(url)])(str(error) or type(error).__name__)
