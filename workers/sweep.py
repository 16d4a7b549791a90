"""The sweep: a ticker in every worker that rings its own bells, and the housekeeping that goes with time."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from structlog.stdlib import get_logger

from schemas.lifecycle import LIVE
from tasks_service import metrics
from tasks_service.artifacts import Artifacts
from tasks_service.ledger.ledger import Ledger
from tasks_service.retention import tidy
from workers.partial import remove_unless_held

log = get_logger()

_COUNT_EVERY_S = 15
_WORDS_EVERY_S = 5
_MONTHS_EVERY_S = 3600
_ABANDONED_AFTER_S = 24 * 3600


class Drained(Protocol):
    """A step, as far as the sweep needs it."""

    name: str

    async def drain(self) -> None:
        """Do what is due."""
        ...


async def tick(steps: Sequence[Drained], every_s: float) -> None:
    """Ring every step's bell each second, so that nothing depends on Redis; runs until cancelled."""
    while True:
        # The jitter keeps many workers from asking the ledger in the same instant.
        await asyncio.sleep(every_s * random.uniform(0.8, 1.2))  # noqa: S311 - not for secrets
        await asyncio.gather(*map(_drain, steps))


async def keep_house(ledger: Ledger, incoming: Path, duplicate_window: timedelta) -> None:
    """Make the months ahead, count what is alive, clear what is over or was left; runs until cancelled."""
    elapsed = 0
    while True:
        try:
            if elapsed % _MONTHS_EVERY_S == 0:
                if made := await ledger.months.make():
                    log.info("months_made", months=made)
                await ledger.work.forget(duplicate_window)
                await asyncio.to_thread(clear_incoming, incoming)
            await count_live(ledger)
        except Exception as error:
            # The outermost frame of a loop that must outlive a missing right as well as a missing server.
            log.warning("house_not_kept", error=repr(error))
        await asyncio.sleep(_COUNT_EVERY_S)
        elapsed += _COUNT_EVERY_S


async def take_up_words(ledger: Ledger, redact: Callable[[str], str]) -> None:
    """Make the words of new tasks findable, apart from their submission; runs until cancelled."""
    while True:
        try:
            await ledger.search.take_up(redact)
        except Exception as error:
            # The outermost frame of a loop: a search without the latest words reads them through.
            log.warning("words_not_taken", error=repr(error))
        await asyncio.sleep(_WORDS_EVERY_S)


async def keep_tidy(ledger: Ledger, artifacts: Artifacts, months: int | None) -> None:
    """Let months go that are older than is kept, and files that nobody may see; runs until cancelled.

    Beside the other housekeeping, because a month can have millions of files.
    """
    while True:
        try:
            await tidy(ledger, artifacts, months)
        except Exception as error:
            # The outermost frame, as above.
            log.warning("not_tidied", error=repr(error))
        await asyncio.sleep(_MONTHS_EVERY_S)


def clear_incoming(folder: Path) -> None:
    """Remove downloads that no worker can still be at."""
    oldest = time.time() - _ABANDONED_AFTER_S
    for left in folder.glob("*"):
        # Another worker may clear it at the same time, and not everything there is ours.
        with suppress(OSError):
            if left.is_dir() and left.stat().st_mtime < oldest:
                remove_unless_held(left)


async def _drain(step: Drained) -> None:
    try:
        await step.drain()
    except Exception:
        # The outermost frame of a tick: one step's trouble is not the others'.
        metrics.STEP_ERRORS.labels(step.name).inc()
        log.exception("drain_broke", step=step.name)


async def count_live(ledger: Ledger) -> None:
    """Show how many tasks are on their way, and how late the latest is."""
    rows = {row["state"]: row for row in await ledger.tasks.live_counts()}
    for state in LIVE:
        row = rows.get(state.value)
        metrics.LIVE.labels(state.value).set(row["tasks"] if row else 0)
        metrics.LIVE_PARKED.labels(state.value).set(row["parked"] if row else 0)
        metrics.OVERDUE_SECONDS.labels(state.value).set(row["overdue_s"] if row else 0)
