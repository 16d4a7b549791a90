"""Clients that come at their own pace, repeat themselves until they are answered, and write everything down."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import httpx

from tests.faults.mix import Mix, Order

_PATIENCE_S = 6.0  # with one try
_PAUSE_S = 0.3  # before the next one, and then longer
_LONGEST_PAUSE_S = 2.0
_TWINS = 0.04  # how many press the button twice


class Customers:
    """Open loop: nobody waits for the answer of another."""

    def __init__(self, addresses: Sequence[str], key: str, history: Path, mix: Mix, rng: Random):
        self._addresses, self._mix, self._rng = list(addresses), mix, rng
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {key}"},
            timeout=_PATIENCE_S,
            limits=httpx.Limits(max_keepalive_connections=20),
        )
        # Line by line onto the disk: this is evidence, also of a run that ends badly.
        self._history = history.open("a", buffering=1)
        self._waiting: set[asyncio.Task[None]] = set()
        self.acked = self.refused = self.unanswered = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for customer in self._waiting:
            customer.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self._client.aclose()
        self._history.close()

    @property
    def waiting(self) -> int:
        """How many have no answer yet."""
        return len(self._waiting)

    async def come(self, rate_s: float, closed: asyncio.Event) -> None:
        """Arrive at a rate until the shop is closed, however slowly answers come."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not closed.is_set():
            now = loop.time()
            while due <= now:
                self._enter(self._mix.order())
                due += self._rng.expovariate(rate_s)
            await asyncio.sleep(max(due - now, 0.001))

    async def are_served(self, within_s: float) -> bool:
        """Wait until everybody has an answer; False where some have none in time."""
        if self._waiting:
            await asyncio.wait(set(self._waiting), timeout=within_s)
        return not self._waiting

    def _enter(self, order: Order) -> None:
        for _ in range(2 if self._rng.random() < _TWINS else 1):
            customer = asyncio.create_task(self._insist(order))
            self._waiting.add(customer)
            customer.add_done_callback(self._waiting.discard)

    async def _insist(self, order: Order) -> None:
        pause = _PAUSE_S
        while True:
            if await self._try(order):
                return
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1.5))
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    async def _try(self, order: Order) -> bool:
        """One request; whether it was answered for good."""
        address, began = self._rng.choice(self._addresses), time.time()
        try:
            reply = await self._client.post(
                f"{address}/v1/tasks", json=order.body, headers={"idempotency-key": order.key}
            )
        except httpx.TransportError as error:
            self._note(order, began, "info", error=type(error).__name__)
            return False
        if reply.status_code == 202:
            self._note(order, began, "ok", id=reply.json()["id"], status=202)
        elif reply.status_code >= 500 or reply.status_code == 429:
            self._note(order, began, "info", status=reply.status_code, words=reply.text[:200])
        else:
            self._note(order, began, "fail", status=reply.status_code, words=reply.text[:500])
        return reply.status_code < 500 and reply.status_code != 429

    def _note(self, order: Order, began: float, outcome: str, **more: Any) -> None:
        self.acked += outcome == "ok"
        self.refused += outcome == "fail"
        self.unanswered += outcome == "info"
        asked = {"key": order.key, "model": order.body["model"], "prompt": order.body["prompt"]}
        line = asked | {"outcome": outcome, "began": began, "ended": time.time(), "id": None} | more
        self._history.write(json.dumps(line, ensure_ascii=False) + "\n")
