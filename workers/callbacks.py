"""Hears for which tasks upstreams ring; may miss some, since a task is looked at all the same."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from uuid import UUID

from structlog.stdlib import get_logger

from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.ledger import Ledger

log = get_logger()

_PAUSE_S = 1.0


async def listen(ledger: Ledger, hear: Callable[[UUID], None]) -> None:
    """Pass on every ring; runs until cancelled. Behind a pooler nothing is heard, and leases end instead."""
    while True:
        try:
            async with aclosing(ledger.tasks.rung()) as rung:
                async for notice in rung:
                    if task_id := _task_in(notice):
                        hear(task_id)
        except UNAVAILABLE as error:
            log.warning("callbacks_not_heard", error=repr(error), again_in_s=_PAUSE_S)
        await asyncio.sleep(_PAUSE_S)


def _task_in(notice: str) -> UUID | None:
    """None of what begins the listening, and of what somebody else says on the channel."""
    try:
        return UUID(notice)
    except ValueError:
        return None
