"""After the end: tasks that we gave up are still looked at, and upstreams that hang delay no other's."""

from schemas.lifecycle import State

from .test_patience import black_hole, until_noted


async def test_late_looks_at_upstreams_that_hang_delay_no_other(world):
    """A look at a silent one lasts for its whole call timeout, which is longer than any test waits."""
    silent = [
        await world.accepts(model, script="run=60") for model in ("sora-2", "kling-v1-6") for _ in range(4)
    ]
    task = await world.accepts(script="run=2")
    async with world.working(hard_limit_s=0.5, late_wait_s=3600):
        for one in (*silent, task):
            await world.until(one, State.FAILED)
    await world.ledger._database._executor.execute(
        "UPDATE late_look SET due_at = CASE task_id WHEN $1 THEN now() ELSE now() - interval '1 minute' END",
        task.id,
    )
    async with black_hole() as hole:
        routes = tuple(
            route.model_copy(update={"base_url": hole.url})
            if route.name in ("openai_videos", "kling")
            else route
            for route in world.settings.routes
        )
        async with world.working(routes=routes, call_timeout_s=600, late_wait_s=0.5, stop_wait_s=0.1):
            await until_noted(world, task, "late_success", within_s=50)
            lines, given_up = hole.lines, hole.given_up

    assert lines > 0
    assert given_up == 0, "the other's turn came when somebody had lost patience with the silent ones"
