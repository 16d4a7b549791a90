"""Keeps the parts up: starts again what dies, and ends everything in its order."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

from tasks_service.cli.errors import Trouble
from tasks_service.cli.screen import Screen
from tasks_service.cli.supervisor.logs import rotate
from tasks_service.cli.supervisor.part import Part
from tasks_service.cli.supervisor.plan import Plan
from tasks_service.cli.supervisor.running import Running, forget_running, note_running
from tasks_service.cli.supervisor.starting import Interrupted, Started, Starter
from tasks_service.cli.supervisor.watcher import Watcher
from tasks_service.embedded import EngineError

_LOOK_S = 0.1
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_LOGS_S = 2.0
_CALM_S = 30.0  # who ran this long without dying begins again with the first pause
# Who uses others ends before them.
_ORDER_OF_END = ("worker", "api", "sandbox", "doorbell", "database")

Meanwhile = Callable[[Started], Awaitable[int | None]]


class Supervisor:
    """Everything that `creative-tasks up` keeps running."""

    def __init__(self, plan: Plan, screen: Screen):
        self._plan = plan
        self._screen = screen
        self._parts: list[Part] = []
        self._asked = asyncio.Event()  # to end
        self._hurry = asyncio.Event()
        self._started: Started | None = None
        self._watcher: Watcher | None = None

    async def run(self, meanwhile: Meanwhile) -> int | None:
        """Start, keep up and end. The exit code that `meanwhile` answered, or None where people ended it.

        What `meanwhile` answers ends everything; None means that it has nothing more to do.
        """
        with self._signals():
            self._watcher = Watcher(self._plan.folder, throwaway=self._plan.throwaway)
            began = time.monotonic()
            try:
                self._started = await Starter(
                    self._plan, self._screen, self._parts, self._asked, self._watcher
                ).start()
                self._note()
                self._screen.started("ready", self._started.address, "", time.monotonic() - began)
                return await self._stay_up(asyncio.ensure_future(meanwhile(self._started)))
            except Interrupted:
                return None
            finally:
                await self._end()

    async def _stay_up(self, work: "asyncio.Future[int | None]") -> int | None:
        asked = asyncio.create_task(self._asked.wait())
        keepers = [asyncio.create_task(self._keep_up(part)) for part in self._parts]
        keepers.append(asyncio.create_task(self._keep_logs_small()))
        try:
            waiting: set[asyncio.Future[Any]] = {work, asked, *keepers}
            while not asked.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                results = [task.result() for task in done if task is not asked]
                if work in done and results[0] is not None:
                    break
            return work.result() if work.done() else None
        finally:
            self._asked.set()
            work.cancel()
            # Never cancelled: a restart that is under way must finish, so that there is something to stop.
            await asyncio.gather(work, *keepers, return_exceptions=True)

    async def _keep_up(self, part: Part) -> None:
        pause, began = _FIRST_PAUSE_S, time.monotonic()
        while not await self._ended_within(_LOOK_S):
            if part.is_alive():
                continue
            if time.monotonic() - began > _CALM_S:
                pause = _FIRST_PAUSE_S
            self._screen.news(f"{part.name} {part.how_it_ended()}; it starts again in {pause:.1f} s")
            if await self._ended_within(pause):
                return
            pause, began = min(pause * 2, _LONGEST_PAUSE_S), time.monotonic()
            await self._restart(part)

    async def _keep_logs_small(self) -> None:
        while not await self._ended_within(_LOGS_S):
            for folder in (self._plan.folder, self._plan.logs):
                for log in folder.glob("*.log"):
                    await asyncio.to_thread(rotate, log)

    async def _restart(self, part: Part) -> None:
        try:
            await part.restart()
        except (EngineError, Trouble, OSError) as error:
            self._screen.news(f"{part.name} could not be started again: {error}")
        else:
            self._note()

    async def _ended_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._asked.wait()
        except TimeoutError:
            return False

    async def _end(self) -> None:
        self._asked.set()
        hurrying = asyncio.create_task(self._kill_when_hurried())
        troubles: list[BaseException] = []
        for kind in _ORDER_OF_END:
            group = [part for part in self._parts if part.name.startswith(kind)]
            ended = await asyncio.gather(*(part.stop() for part in group), return_exceptions=True)
            troubles += [trouble for trouble in ended if trouble is not None]
        hurrying.cancel()
        if self._started is not None:
            forget_running(self._plan.folder)
        if troubles:
            raise troubles[0]
        if self._watcher is not None:
            self._watcher.farewell()

    async def _kill_when_hurried(self) -> None:
        await self._hurry.wait()
        for part in self._parts:
            part.kill()

    def _note(self) -> None:
        started = self._started
        if started is None or self._watcher is None:
            return
        self._watcher.tell(self._parts)
        note_running(
            self._plan.folder,
            Running(
                pid=os.getpid(),
                address=started.address,
                # An outside address is not written down: it holds a password, and everybody has it already.
                database_url=started.database_url if self._plan.embeds_postgres else "",
                redis_url=started.redis_url if self._plan.embeds_valkey else "",
                local_address=started.local_address,
                sandbox_url=started.sandbox.url if started.sandbox else "",
                parts={part.name: part.pid for part in self._parts},
            ),
        )

    def _ask(self) -> None:
        """Once: in order. Twice: in a hurry."""
        if self._asked.is_set():
            self._hurry.set()
            return
        self._asked.set()
        self._screen.say("", "Ending everything in order; once more hurries.")

    @contextmanager
    def _signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._ask)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
