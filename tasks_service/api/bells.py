"""Rings for tasks at a sane pace: of a storm of callbacks the ledger hears one a second, and the last one."""

import asyncio
from dataclasses import dataclass

from structlog.stdlib import get_logger

from tasks_service.callbacks import Named
from tasks_service.ledger.ledger import Ledger

log = get_logger()

_PACE_S = 1.0


@dataclass(slots=True)
class _Ring:
    """What the ledger is asked, or was a moment ago."""

    asked: asyncio.Task[bool | None]
    again: bool = False


class Bells:
    """The rings of one process. Nothing is remembered for longer than a moment."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._rings: dict[Named, _Ring] = {}
        self._pauses: dict[Named, asyncio.TimerHandle] = {}
        self.reading = 0  # callbacks whose bodies are under way

    async def ring(self, named: Named) -> tuple[bool | None, bool]:
        """What `Tasks.ring` says of an attempt, and whether somebody had asked it a moment ago.

        Who rings again meanwhile is not forgotten: what changed in between is asked after the pause.
        """
        ring = self._rings.get(named)
        if repeated := ring is not None:
            ring.again = True
        else:
            ring = self._begin(named)
        return await asyncio.shield(ring.asked), repeated

    async def close(self) -> None:
        """Ring no more."""
        for pause in self._pauses.values():
            pause.cancel()
        asked = [ring.asked for ring in self._rings.values()]
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    def _begin(self, named: Named) -> _Ring:
        asked = asyncio.create_task(self._ledger.tasks.ring(named.task_id, named.route, named.attempt))
        asked.add_done_callback(_told)
        ring = self._rings[named] = _Ring(asked)
        self._pause(named)
        return ring

    def _pause(self, named: Named) -> None:
        self._pauses[named] = asyncio.get_running_loop().call_later(_PACE_S, self._pause_over, named)

    def _pause_over(self, named: Named) -> None:
        if not self._rings[named].asked.done():
            # A ledger that is slow is not asked more, or one address would have all of its connections.
            self._pause(named)
            return
        ring = self._rings.pop(named)
        del self._pauses[named]
        if ring.again:
            self._begin(named)


def _told(asked: asyncio.Task[bool | None]) -> None:
    """Perhaps nobody waits for the answer; and the task is looked at all the same."""
    if not asked.cancelled() and (error := asked.exception()):
        log.warning("ring_lost", error=repr(error))
