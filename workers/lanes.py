"""The looks of each route, within its share: who waits, and who may begin."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tasks_service import metrics
from workers.look import Watched
from workers.shares import Share, Shares

_BURST_S = 0.1  # what was not used of a rate in this time may be caught up with


@dataclass(slots=True)
class _Lane:
    share: Share | None
    waiting: deque[tuple[float, Watched]] = field(default_factory=deque[tuple[float, Watched]])
    busy: int = 0
    free_at: float = 0.0  # when the rate allows the next one
    waking: asyncio.TimerHandle | None = None


class Lanes:
    """A slow route fills its own lane only; the others go on."""

    def __init__(self, shares: Shares, begin: Callable[[Watched], bool]):
        """`begin` starts a look, and says whether it did."""
        self._shares = shares
        self._begin = begin
        self._lanes: dict[str, _Lane] = {}

    def enter(self, watched: Watched, due: float) -> None:
        """A task whose time has come; `due` is when that was, on the loop's clock."""
        lane = self._lane(watched.task.route)
        lane.waiting.append((due, watched))
        self._admit(lane)

    def leave(self, route: str) -> None:
        """A look came to its end."""
        lane = self._lane(route)
        self._count(lane, -1)
        self._admit(lane)

    def look_again(self) -> None:
        """The shares may have changed."""
        for lane in self._lanes.values():
            self._admit(lane)

    def _lane(self, route: str) -> _Lane:
        if route not in self._lanes:
            self._lanes[route] = _Lane(self._shares.of(route))
        return self._lanes[route]

    def _admit(self, lane: _Lane) -> None:
        places = lane.share.places if lane.share else 1
        while lane.waiting and lane.busy < places and self._has_time(lane):
            due, watched = lane.waiting.popleft()
            if self._begin(watched):
                metrics.LOOK_LAG.observe(asyncio.get_running_loop().time() - due)
                self._count(lane, 1)
                self._take_time(lane)

    def _count(self, lane: _Lane, more: int) -> None:
        lane.busy += more
        if lane.share:
            lane.share.busy = lane.busy

    def _has_time(self, lane: _Lane) -> bool:
        """Whether the rate allows another one now; if not, it is tried again when it does."""
        loop = asyncio.get_running_loop()
        if lane.share is None or lane.share.per_s is None or lane.free_at <= loop.time():
            return True
        if lane.waking is None:
            lane.waking = loop.call_at(lane.free_at, self._wake, lane)
        return False

    def _take_time(self, lane: _Lane) -> None:
        if lane.share and lane.share.per_s:
            now = asyncio.get_running_loop().time()
            lane.free_at = max(lane.free_at, now - _BURST_S) + 1 / lane.share.per_s

    def _wake(self, lane: _Lane) -> None:
        lane.waking = None
        self._admit(lane)
