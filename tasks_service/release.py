"""A person's word that ends a quarantine, whichever door it comes through."""

import asyncio

from tasks_service.epochs import Epochs
from tasks_service.failpoints import reached
from tasks_service.ledger.instance import Quarantine
from tasks_service.ledger.ledger import Ledger


async def end_quarantine(ledger: Ledger, store: str, actor: str, reason: str) -> Quarantine | None:
    """End the quarantine, with the epoch above everything in the store; None where none is open.

    Raises StoreAway, and then nothing was written.
    """
    outside = await (await asyncio.to_thread(Epochs, store)).highest()
    await reached("release.before")
    ended = await ledger.instance.release(outside, actor, reason)
    if ended is not None:
        await reached("release.committed")
    return ended
