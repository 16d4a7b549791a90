"""Negative control of the guard of equal work: two APIs are asked for the same at once, with it and without."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from schemas.lifecycle import State
from schemas.refusals import Refusal
from schemas.task import Task, TaskRequest
from tasks_service.admission import Admission
from tasks_service.doorbell import doorbell
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.opening import Opening
from tasks_service.pictures.vetting import Vetting
from tests.faults.conftest import Found
from tests.faults.guarded import judged, without
from tests.workers.conftest import World

BOAT = TaskRequest(model="sandbox-image-1-fast", prompt="a boat", options={"behaviour": "queue=0 run=0"})


@pytest.fixture
async def apis(world: World, dsn: str) -> AsyncIterator[list[Admission]]:
    """Two, each with connections of its own: nothing but the ledger's rows is between them."""
    ledgers = [await Ledger.connect(dsn) for _ in range(2)]
    vettings = [Vetting.open(ledger, world.settings) for ledger in ledgers]
    yield [
        Admission(ledger, doorbell(""), world.settings.routes, vetting)
        for ledger, vetting in zip(ledgers, vettings, strict=True)
    ]
    for opened in (*vettings, *ledgers):
        await opened.close()


def take_away_the_look_before(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, Opening, "open", r"WHERE NOT given\.duplicate_allowed AND", "WHERE false AND")


def take_away_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    condition = r"WHERE \(SELECT duplicate_allowed FROM asked [^)]*\)\s+OR w\.live = 0 AND [^)]*\([^)]*\)[^)]*\) IS NOT TRUE"
    without(monkeypatch, Opening, "open", condition, "")


@pytest.mark.parametrize("standing", ["all of it", "the row alone", None])
async def test_without_the_guard_of_equal_work_a_button_that_is_pressed_twice_is_paid_twice(
    world: World, apis: list[Admission], found: Found, monkeypatch: pytest.MonkeyPatch, standing: str | None
):
    """The look before only tells a better story; it is the row that two at once cannot both have."""
    if standing != "all of it":
        take_away_the_look_before(monkeypatch)
    if standing is None:
        take_away_the_row(monkeypatch)
    caller = await customer(world)
    answers = await asyncio.gather(*(pressed(api, caller) for api in apis))
    tasks = [one for one in answers if one is not None]
    async with world.working():
        ended = [await world.until(task) for task in tasks]

    guarded = standing is not None
    assert {task.state for task in ended} == {State.DOWNLOADED}
    assert await world.creations(tasks[0]) == (1 if guarded else 2), "what the upstream has sold"
    judged(await found(tasks), guarded, "asked_once_kept_twice")


async def pressed(api: Admission, caller: Caller) -> Task | None:
    """The task of one press, where it is not refused."""
    try:
        return (await api.admit(BOAT, caller)).task
    except Refusal:
        return None


async def customer(world: World) -> Caller:
    caller = await world.ledger.keys.find(await world.ledger.keys.new("acme"))
    assert caller is not None
    return caller
