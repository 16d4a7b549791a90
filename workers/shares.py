"""How much of a route's limits is this worker's: all workers share them, through Redis where it is there.

Once a second each worker says what it wants and uses, and hears its share (`shares.lua`), so a look costs no
exchange with Redis. Without Redis each takes an equal part, by the number of workers that is known.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.stdlib import get_logger

from schemas.routes import Route
from workers.line import boottime

log = get_logger()

_EVERY_S = 1.0
_FORGOTTEN_AFTER_S = 4.0
_PATIENCE_S = 0.5
_LONGEST_QUIET_S = 300.0
_SCRIPT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")


@dataclass(slots=True)
class Share:
    """One route, as far as this worker may use it."""

    route: Route
    places: int
    per_s: float | None
    workers: int
    busy: int = 0
    quiet_until: float = 0.0
    asked_quiet: bool = False  # we were told just now, and the others have not heard of it

    @property
    def quiet_s(self) -> float:
        """Seconds for which the upstream has asked to be left alone."""
        return max(self.quiet_until - boottime(), 0)

    def be_quiet(self, seconds: float) -> None:
        """The upstream asks all of us to leave it alone for a while."""
        self.quiet_until = max(self.quiet_until, boottime() + min(seconds, _LONGEST_QUIET_S))

    def divide(self, workers: int) -> None:
        """An equal part, where nobody can say who needs how much."""
        self.workers = max(workers, 1)
        self.places = max(self.route.max_concurrency // self.workers, 1)
        self.per_s = self.route.max_per_s and self.route.max_per_s / self.workers


class Shares:
    """The shares of every route. `wants` says how many tasks of each route the worker has in its care."""

    def __init__(self, routes: Sequence[Route], redis_url: str, workers: int):
        self._routes = {route.name: Share(route, 0, None, workers) for route in routes}
        self._workers = workers
        self._worker = uuid4().hex
        self._changed = asyncio.Event()
        self._redis = (
            Redis.from_url(redis_url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S)
            if redis_url
            else None
        )
        self._script: Any = self._redis.register_script(_SCRIPT) if self._redis else None
        self.wants: Callable[[], Counter[str]] = Counter
        for share in self._routes.values():
            share.divide(workers)

    def of(self, route: str) -> Share | None:
        """The share of a route; None where the route is not configured."""
        return self._routes.get(route)

    def quiet(self, route: str, seconds: float) -> None:
        """An upstream that says when to come back means all of us."""
        if share := self._routes.get(route):
            share.be_quiet(seconds)
            share.asked_quiet = True
            self._changed.set()

    def hurry(self, routes: Iterable[str]) -> None:
        """There is work on these routes: where we wanted nothing before, the others hear of it now."""
        if any((share := self._routes.get(route)) and not share.places for route in routes):
            self._changed.set()

    async def run(self, heard: Callable[[], None]) -> None:
        """Ask for our shares each second; runs until cancelled. `heard` is called after each answer."""
        away = False
        while True:
            try:
                await self.exchange()
                away = False
            except (RedisError, OSError, ValueError, TypeError) as error:
                for share in self._routes.values():
                    share.divide(max(share.workers, self._workers))
                if not away:
                    log.warning(
                        "shares_unknown", error=type(error).__name__, advice="each takes an equal part"
                    )
                away = True
            heard()
            self._changed.clear()
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def exchange(self) -> None:
        """Say what we want and use of each route, and hear what is ours. Raises where Redis is away."""
        if self._redis is None:
            return
        wants, shares = self.wants(), list(self._routes.values())
        words: list[str | int] = [self._worker, int(_FORGOTTEN_AFTER_S * 1000)]
        for share in shares:
            quiet_ms = int(share.quiet_s * 1000) if share.asked_quiet else 0
            words += [share.route.max_concurrency, wants[share.route.name], share.busy, quiet_ms]
            share.asked_quiet = False
        keys = [f"creative-tasks:{{shares}}:{share.route.name}" for share in shares]
        answers = await self._script(keys=keys, args=words)
        for share, answer in zip(shares, answers, strict=True):
            granted, workers, wanted, quiet_ms = map(int, answer)
            share.places, share.workers = granted, workers
            part = max(wants[share.route.name], 1) / max(wanted, 1)
            share.per_s = share.route.max_per_s and share.route.max_per_s * part
            share.be_quiet(quiet_ms / 1000)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._redis is not None:
            await self._redis.aclose()
