"""The restore guard: a ledger that went back has forgotten what was paid, so nothing may be sent from it."""

import asyncio

from structlog.stdlib import get_logger

from tasks_service import metrics
from tasks_service.artifacts import StoreAway
from tasks_service.epochs import Epochs
from tasks_service.failpoints import reached
from tasks_service.ledger.connection import UNAVAILABLE
from tasks_service.ledger.instance import Quarantine
from tasks_service.ledger.ledger import Ledger

log = get_logger()

_LOOK_EVERY_S = 2.0
_LAST_ROUND_S = 1.0
_MOST_LEFT = 16  # epochs that lie outside before somebody tidies up


class Quarantined(Exception):
    """Nothing may be sent until a person has released the quarantine."""

    def __init__(self, quarantine: Quarantine):
        super().__init__(
            f"in quarantine since {quarantine.began_at:%Y-%m-%d %H:%M:%S} UTC: {quarantine.words}"
        )
        self.quarantine = quarantine


class RestoreGuard:
    """Counts the ledger's epoch up and copies it outside before anything is sent, many senders at a time.

    A backup that lacks a sender's intention was cut before the epoch that covers it. So whoever restores it
    finds a higher epoch outside than inside, and knows that something was forgotten.
    """

    def __init__(self, ledger: Ledger, epochs: Epochs):
        self._ledger = ledger
        self._epochs = epochs
        self._outside: list[int] = []  # as last seen
        self._highest = 0  # of what this process has put or seen outside, ever
        self._quarantine: Quarantine | None = None
        self._round: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._tidying: asyncio.Task[None] | None = None

    @property
    def quarantine(self) -> Quarantine | None:
        """The quarantine as this process last saw it, at most a few seconds ago."""
        return self._quarantine

    async def cover(self) -> None:
        """Make sure that a restore would show. To be called after the intention is committed, before sending.

        Raises Quarantined, StoreAway, and what `ledger.connection.UNAVAILABLE` lists: then nothing may be
        sent. A Quarantined sender knows nothing of its own attempt: it may be the second under that name.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._round))
            self._next.add_done_callback(_noted)
        # Whoever is cancelled leaves; the round goes on for the others.
        await asyncio.shield(self._next)

    async def watch(self) -> None:
        """Learn of quarantines that others open or end, and notice a ledger gone back; until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """See once whether the ledger can be believed, and open a quarantine where it cannot."""
        try:
            standing = await self._ledger.instance.look()
            self._knows(standing.quarantine)
            if standing.quarantine is None and (standing.epoch < self._highest or self._highest == 0):
                await self.cover()
        except Quarantined:
            return
        except (StoreAway, *UNAVAILABLE) as error:
            log.warning("guard_blind", error=repr(error))

    async def close(self) -> None:
        """Let the round that is under way end, or cut it off after a second."""
        under_way = [one for one in (self._round, self._next, self._tidying) if one and not one.done()]
        if not under_way:
            return
        _, late = await asyncio.wait(under_way, timeout=_LAST_ROUND_S)
        for one in late:
            one.cancel()
        await asyncio.wait(under_way, timeout=_LAST_ROUND_S)

    async def _after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        # From here on the epoch may be counted before a newcomer's intention: he waits for another round.
        self._round, self._next = self._next, None
        await self._advance()

    async def _advance(self) -> None:
        epoch: int | None = None
        while epoch is None:
            # More than once only where a quarantine was opened and released while we looked outside.
            epoch, quarantine = await self._count_up()
            self._knows(quarantine)
            if quarantine is not None:
                await reached("guard.distrusted")  # by us just now, or by others before
                raise Quarantined(quarantine)
        await reached("guard.counted")
        await self._epochs.keep(epoch)
        self._highest = max(self._highest, epoch)
        if len(self._outside) > _MOST_LEFT and (self._tidying is None or self._tidying.done()):
            # They are all below the one that was just kept, whoever put them.
            self._tidying = asyncio.create_task(self._tidy(self._outside))

    async def _count_up(self) -> tuple[int | None, Quarantine | None]:
        async with self._ledger.transaction() as ledger:
            # Asked first, so that this transaction is older than the look outside: no restore fits between.
            if quarantine := (await ledger.instance.look()).quarantine:
                return None, quarantine
            self._outside = await self._epochs.all()
            self._highest = max([self._highest, *self._outside])
            epoch = await ledger.instance.count_up(self._highest)
            if epoch:
                await reached("guard.counting")
                return epoch, None
            opened = await ledger.instance.distrust(self._highest)
            await reached("guard.distrusting")
            return None, opened

    async def _tidy(self, outside: list[int]) -> None:
        try:
            await self._epochs.forget(outside)
        except StoreAway as error:
            log.warning("epochs_not_tidied", error=repr(error))

    def _knows(self, quarantine: Quarantine | None) -> None:
        if quarantine is not None and self._quarantine is None:
            log.error("quarantined", why=quarantine.words, tasks_in_doubt=quarantine.doubted)
        if quarantine is None and self._quarantine is not None:
            log.warning("quarantine_released")
        self._quarantine = quarantine
        metrics.QUARANTINED.set(0 if quarantine is None else 1)


def _noted(one: asyncio.Task[None]) -> None:
    """Where every caller was cancelled, nobody is left to hear how the round ended."""
    if not one.cancelled():
        one.exception()
