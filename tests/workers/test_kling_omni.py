"""Tasks of Kling's omni models, from the ledger to the file."""

import pytest

from schemas.lifecycle import State

OMNI = ["kling-v3-omni", "kling-image-o1"]


@pytest.mark.parametrize("model", OMNI)
@pytest.mark.parametrize("script", ["", "create=lost_after"])
async def test_one_creation_ends_downloaded_even_if_its_answer_was_lost(world, model, script):
    task = await world.accepts(model, script=script)
    async with world.working():
        ended = await world.until(task)

    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 1)
    assert (("queued", "found_again") in await world.causes(task)) == bool(script)
    assert await world.creations(task) == 1
