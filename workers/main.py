"""A worker process: the steps, the doorbell's other end, and the ticker. The only wiring of the workers."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import uvloop
from arq.connections import RedisSettings
from arq.worker import Worker, func
from prometheus_client import start_http_server
from redis.exceptions import RedisError
from structlog.stdlib import get_logger

from schemas.redaction import Redactor
from tasks_service import failpoints
from tasks_service.doorbell import QUEUE, RING, doorbell, pack, unpack
from tasks_service.ending import end
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.lifeline import end_with_parent
from tasks_service.logs import start_logging
from tasks_service.settings import Settings
from tasks_service.start import read_settings
from workers.callbacks import listen
from workers.download import Download
from workers.late import Late
from workers.poll import Poll
from workers.step import Step
from workers.submit import Submit
from workers.sweep import Drained, keep_house, keep_tidy, take_up_words, tick
from workers.workbench import Workbench

log = get_logger()

_SLOWEST_RECONNECT_S = 5.0
_ECHO_S = 0.1
# In a hurry, the time to record what is known of paid requests, and the time to let go of everything.
_RECORD_S, _LET_GO_S = 2.0, 0.4


async def work(settings: Settings, stopping: asyncio.Event, hurry: asyncio.Event | None = None) -> bool:
    """Work until told to stop; then finish or give back within the configured time, or, in a hurry, at once.

    False where it ended for another reason, so that whoever supervises the process starts it again.
    """
    bench = await _open(settings, stopping)
    if bench is None:
        return True
    # Before anything is claimed, so that a ledger that went back is not asked what to send.
    await bench.guard.look()
    hurry = hurry or asyncio.Event()
    submit, poll, download = Submit(bench), Poll(bench), Download(bench)
    steps: dict[str, Drained] = {step.name: step for step in (submit, poll, download)}
    loops: list[Coroutine[Any, Any, None]] = [
        tick(list(steps.values()), settings.tick_s),
        Late(bench).run(),
        keep_house(bench.ledger, bench.incoming, settings.duplicate_window),
        take_up_words(bench.ledger, Redactor(settings.secrets())),
        keep_tidy(bench.ledger, bench.artifacts, settings.retention_months),
        bench.guard.watch(),
        poll.run(),
        bench.habits.run(),
        bench.shares.run(poll.shares_heard),
        *([listen(bench.ledger, poll.hear)] if settings.callback_base_url else []),
        *(step.keep_leases() for step in (submit, poll, download)),
    ]
    if settings.redis_url.get_secret_value():
        loops.append(answer_the_door(settings.redis_url.get_secret_value(), steps))
    running = [asyncio.create_task(loop) for loop in loops]
    log.info("worker_ready", steps=list(steps), routes=list(bench.upstreams))
    told = await _until_stopped_or_broken(stopping, running)
    await _stop((submit, poll, download), settings.stop_wait_s, hurry)
    await _ended(asyncio.create_task(end(running)), hurry, _LET_GO_S)
    await _ended(asyncio.create_task(bench.close()), hurry, _LET_GO_S)
    log.info("worker_stopped", told=told, in_a_hurry=hurry.is_set())
    return told


async def _stop(steps: Sequence[Step | Poll], wait_s: float, hurry: asyncio.Event) -> None:
    """Let what is under way come to its end; in a hurry, cancel it and only record what it has learnt."""
    patiently = asyncio.gather(*(step.stop(wait_s) for step in steps))
    if await _ended(patiently, hurry, 0):
        return
    log.warning("worker_hurries")
    # Not cancelled itself, since it may be giving leases back; it ends with what it waits for. Where the
    # ledger does not answer either, the intention on record says what the next worker must know.
    at_once = (step.stop(0) for step in steps)
    await _ended(asyncio.gather(patiently, *at_once, return_exceptions=True), hurry, _RECORD_S)


async def _ended(ending: asyncio.Future[Any], hurry: asyncio.Event, grace_s: float) -> bool:
    """Wait for an end as long as it takes, but in a hurry only so long more; False where it did not come."""
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({ending, hurried}, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    await asyncio.wait({ending}, timeout=grace_s)
    if not ending.done():
        return False
    ending.result()
    return True


async def answer_the_door(redis_url: str, steps: dict[str, Drained]) -> None:
    """Let arq wake the steps; arq's worker dies with its connection, so it is made anew each time."""

    # arq swallows a ring that comes while an equal one is being answered, so each is answered once more
    # when arq has forgotten it.
    echoes: set[asyncio.Task[None]] = set()

    async def ring(_: dict[Any, Any], step: str) -> None:
        if step in steps:
            await steps[step].drain()
            echo = asyncio.create_task(_drain_later(steps[step]))
            echoes.add(echo)
            echo.add_done_callback(echoes.discard)

    loop, pause = asyncio.get_running_loop(), 0.1
    while True:
        worker, began = _arq_worker(redis_url, ring), loop.time()
        try:
            await worker.async_run()
        except (RedisError, OSError) as error:
            log.warning("doorbell_away", error=type(error).__name__, again_in_s=pause)
        finally:
            await _close(worker)
        # A door that was open for a while starts again with the short pause.
        pause = 0.1 if loop.time() - began > _SLOWEST_RECONNECT_S else min(pause * 2, _SLOWEST_RECONNECT_S)
        await asyncio.sleep(pause)


async def _drain_later(step: Drained) -> None:
    await asyncio.sleep(_ECHO_S)
    await step.drain()


def _arq_worker(redis_url: str, ring: Any) -> Worker:
    redis = RedisSettings.from_dsn(redis_url)
    redis.conn_retries, redis.conn_timeout = 0, 2
    return Worker(
        [func(ring, name=RING)],
        queue_name=QUEUE,
        redis_settings=redis,
        handle_signals=False,
        # A ring is a hint: it is never retried, and leaves nothing behind that would block the next one.
        max_tries=1,
        retry_jobs=False,
        keep_result=0,
        max_jobs=20,
        job_timeout=60,
        poll_delay=0.05,
        health_check_interval=15,
        job_serializer=pack,
        job_deserializer=unpack,
        log_results=False,
    )


async def _close(worker: Worker) -> None:
    try:
        await worker.close()
    except (RedisError, OSError):
        # The connection is gone already.
        return
    except asyncio.CancelledError:
        # arq's close() cancels its own running jobs and then trips over that; ours is another matter.
        if (current := asyncio.current_task()) and current.cancelling():
            raise


async def _open(settings: Settings, stopping: asyncio.Event) -> Workbench | None:
    """Wait for PostgreSQL as long as it takes."""
    pause = 0.2
    while not stopping.is_set():
        try:
            return await Workbench.open(settings, doorbell(settings.redis_url.get_secret_value()))
        except UNAVAILABLE as error:
            log.warning("ledger_away", error=repr(error), again_in_s=pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
        pause = min(pause * 2, _SLOWEST_RECONNECT_S)
    return None


async def _until_stopped_or_broken(stopping: asyncio.Event, running: list[asyncio.Task[None]]) -> bool:
    told = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait([told, *running], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    for loop in done - {told}:
        # None of them ever returns; one that broke must not leave a worker that looks alive.
        log.error("loop_ended", error=repr(loop.exception()))
    return stopping.is_set()


async def _main(settings: Settings) -> bool:
    stopping, hurry = asyncio.Event(), asyncio.Event()

    def tell() -> None:
        # Whoever says it a second time does not want to wait.
        (hurry if stopping.is_set() else stopping).set()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, tell)
    server, _ = start_http_server(settings.metrics_port, addr=settings.host)
    log.info("metrics_listening", host=settings.host, port=server.server_port)
    try:
        return await work(settings, stopping, hurry)
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        for name in (signal.SIGTERM, signal.SIGINT):
            # Everything is given back: one more word must not make a failure of a stop that is in order.
            loop.remove_signal_handler(name)
            signal.signal(name, signal.SIG_IGN)


def run() -> None:
    """Start a worker with the settings of the environment."""
    settings = read_settings()
    start_logging("worker", style=settings.log_format, redactor=Redactor(settings.secrets()))
    failpoints.arm_from(os.environ)
    end_with_parent()
    sys.exit(0 if uvloop.run(_main(settings)) else 1)


if __name__ == "__main__":
    run()
