"""Hours in a second: what is put aside for long comes up again at once."""

import asyncio
from contextlib import asynccontextmanager


@asynccontextmanager
async def time_flies(world, task):
    """Whenever it is put aside, the pause is over at once, and so is what is left to those who know its route."""
    ended = "now() - interval '3 minutes'"
    put_aside = (
        "(due_at > now() + interval '10 seconds' OR now() - due_at BETWEEN '0' AND interval '2 minutes')"
    )

    async def hurry() -> None:
        while True:
            await world.ledger._database._executor.execute(
                f"UPDATE task SET due_at = {ended} WHERE id = $1 AND {put_aside}", task.id
            )
            await asyncio.sleep(0.2)

    hurrying = asyncio.create_task(hurry())
    yield
    hurrying.cancel()


async def parked_because(world, task) -> list[str]:
    notes = await world.ledger.history.notes(task.id)
    return [note["detail"] for note in notes if note["type"] == "parked"]
