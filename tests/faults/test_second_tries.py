"""Negative controls of what is believed and sent after a lost answer: each guard once with, and once without."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tasks_service import failpoints
from tasks_service.ledger.spend import Attempt
from tests.faults.conftest import Found
from tests.faults.guarded import GUARD, KLING, LOST, judged
from tests.workers.conftest import KEY, World
from workers import upstream
from workers.case import Case
from workers.letter import Letter
from workers.recover import Recover, letter_of
from workers.sandbox.app import running_studio


@pytest.fixture(autouse=True)
def _nothing_stays_armed():
    yield
    failpoints.disarm()


@GUARD
async def test_a_lost_request_that_goes_again_to_another_place_is_paid_there_too(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, guarded: bool, tmp_path: Path
):
    if not guarded:
        monkeypatch.setattr(upstream, "credential_of", lambda _: "0" * 8)
    task = await world.accepts(script=LOST)
    failpoints.arm("submit.answered", _for_a_minute)
    async with world.working(stop_wait_s=0.1):
        await world.created(task)
    failpoints.disarm()
    async with running_studio(tmp_path / "elsewhere", KEY) as elsewhere:
        routes = tuple(route.model_copy(update={"base_url": elsewhere}) for route in world.settings.routes)
        async with world.working(routes=routes):
            await world.until(task, parked=True)
    # What both have sold, in one book.
    with (tmp_path / "studio" / "ledger.jsonl").open("a") as books:
        books.write((tmp_path / "elsewhere" / "ledger.jsonl").read_text())

    judged(await found([task]), guarded, "doubled", "reference_used_twice")


async def _for_a_minute(point: str) -> None:
    await asyncio.sleep(60)


@GUARD
async def test_a_silence_that_is_believed_before_its_time_pays_twice(
    world: World, found: Found, guarded: bool
):
    script = f"{LOST} lookup=hidden lookup_times=6 reuse=accepted"
    task = await world.accepts(KLING, script)
    hasty = {"lease_s": 0.5, "submit_timeout_s": 0.5, "absent_after_s": 600 if guarded else 0.01}
    async with world.working(**hasty):
        await world.until(task)

    judged(await found([task]), guarded, "doubled", "wrongly_declared")


@GUARD
async def test_another_reference_at_the_second_try_is_another_purchase(
    world: World, found: Found, monkeypatch: pytest.MonkeyPatch, guarded: bool
):
    async def under_another_name(self: Any, case: Case, spent: Attempt) -> Letter | None:
        return await letter_of(self._bench, case.task, case.upstream, f"{spent.reference}-2")

    if not guarded:
        monkeypatch.setattr(Recover, "_same_letter", under_another_name)
    task = await world.accepts(script=LOST)
    async with world.working():
        await world.until(task)

    judged(await found([task]), guarded, "doubled")
