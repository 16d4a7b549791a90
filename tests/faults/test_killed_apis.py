"""An API killed while it does what a person has asked for; then everything starts again, and the person asks again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task
from tasks_service import failpoints
from tasks_service.app import serve
from tasks_service.settings import Settings
from tests.forking import processes
from tests.journeys.conftest import answers, free_port
from tests.workers.conftest import World
from tests.workers.test_restored_backups import in_quarantine

pytestmark = pytest.mark.journey

RELEASE = "/v1/quarantine/release"
FIRST, SECOND = "all was looked up", "all was looked up, and said again"


def serving(settings: dict[str, Any], armed: dict[str, str], log: Path) -> None:
    """An API in a process of its own, as the command runs it."""
    sys.stdout = sys.stderr = log.open("a")
    failpoints.arm_from(armed)
    serve(Settings(**settings))


class Apis:
    """An API that dies at a place, and the one that is started after it; keys of a customer and of an operator."""

    def __init__(self, world: World, customer: str, operator: str):
        self._world, self._customer, self._operator = world, customer, operator
        self._folder = world.settings.data_folder
        self._url = ""
        self.processes: list[Any] = []

    async def dies(self, point: str, path: str, **json: str) -> None:
        """Whoever asks hears nothing: the API is killed at the point, in the midst of the request."""
        fired = self._folder / "fired"
        armed = dict(zip(failpoints.VARIABLES, (f"{point}=kill", str(fired)), strict=True))
        await self.starts(**armed)
        with pytest.raises(httpx.TransportError):
            await self.asked(path, **json)
        await asyncio.to_thread(self.processes[0].join, 60)
        assert (self.processes[0].exitcode, fired.read_text()) == (-signal.SIGKILL, f"{point}\n")

    async def starts(self, **armed: str) -> None:
        """One more, to which nothing happens unless it is armed."""
        port = free_port()
        settings = dict(self._world.settings.model_copy(update={"port": port}))
        log = self._folder / "apis.log"
        self.processes.append(processes.Process(target=serving, args=(settings, armed, log), daemon=True))
        self.processes[-1].start()
        self._url = f"http://127.0.0.1:{port}"
        await answers(f"{self._url}/readyz")

    async def asked(self, path: str, **json: str) -> httpx.Response:
        """A POST; what an operator asks for has a body."""
        key = self._operator if json else self._customer
        async with httpx.AsyncClient(base_url=self._url, timeout=60) as client:
            return await client.post(path, json=json or None, headers={"authorization": f"Bearer {key}"})

    async def released_by_hand(self) -> str:
        """What the command line says."""
        settings = self._world.settings
        environment = os.environ | {
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "CREATIVE_TASKS_DATA_FOLDER": str(self._folder),
        }
        command = ("-m", "tasks_service.cli.main", "quarantine", "release", "--reason", SECOND)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return said.decode()


@pytest.fixture
async def apis(world: World) -> AsyncIterator[Apis]:
    keys = world.ledger.keys
    found = Apis(world, await keys.new("acme"), await keys.new("ops", "operator"))
    yield found
    for process in found.processes:
        process.kill()
        await asyncio.to_thread(process.join)


def at(*points: str):
    return pytest.mark.parametrize("point", points)


async def notes(world: World, task: Task) -> list[str]:
    return [note["reason"] for note in await world.ledger.history.notes(task.id)]


@at("cancel.before", "cancel.committed")
async def test_a_cancel_before_anything_was_sent_is_done_once_or_not_at_all(
    world: World, apis: Apis, point: str
):
    task, other = await world.accepts(), await world.accepts()
    path = f"/v1/tasks/{task_id_text(task.id)}/cancel"
    await apis.dies(point, path)
    left = await world.task(task.id)
    await apis.starts()
    again = await apis.asked(path)
    async with world.working():
        ended, carried_on = await world.until(task), await world.until(other)

    done = point == "cancel.committed"
    assert left.state is (State.FAILED if done else State.SUBMITTED)
    assert (again.status_code, again.json()["state"]) == (409 if done else 202, "failed")
    assert (ended.state, ended.failure.kind, ended.spend) == (State.FAILED, "canceled", Spend.NONE)
    assert await world.causes(task) == [("submitted", "accepted"), ("failed", "canceled")]
    assert (carried_on.state, await world.creations(other)) == (State.DOWNLOADED, 1)
    assert await world.creations(task) == 0


@at("cancel.before", "cancel.committed")
async def test_a_cancel_of_what_the_upstream_has_is_a_wish_that_a_worker_finds_or_nothing(
    world: World, apis: Apis, point: str
):
    task = await world.accepts(script="queue=600")
    path = f"/v1/tasks/{task_id_text(task.id)}/cancel"
    async with world.working():
        await world.until(task, State.QUEUED)
    await apis.dies(point, path)
    left = await world.task(task.id)
    await apis.starts()
    again = await apis.asked(path)
    wished = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    done = point == "cancel.committed"
    assert (left.cancel_requested_at is not None) == done
    assert left.cancel_requested_at in (None, wished.cancel_requested_at), "the first word counts"
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert (ended.state, ended.failure.kind, await world.creations(task)) == (State.FAILED, "canceled", 1)
    assert await notes(world, task) == ["cancel_requested"]
    assert [state for state, _ in await world.causes(task)] == ["submitted", "queued", "failed"]


@at("release.before", "release.committed")
async def test_a_release_is_made_once_or_not_at_all_and_pays_nothing_twice(
    world: World, apis: Apis, backups: Any, point: str
):
    known, lost = await world.accepts(), await world.accepts("sora-2")
    await backups.take()
    async with world.working():
        for task in (known, lost):
            assert (await world.until(task)).state is State.DOWNLOADED
    await backups.put_back()
    async with world.working():
        await in_quarantine(world)
    await apis.dies(point, RELEASE, reason=FIRST)
    left = await world.ledger.instance.look()
    await apis.starts()
    by_hand, over_http = await apis.released_by_hand(), await apis.asked(RELEASE, reason=SECOND)
    async with world.working():
        ended, parked = await world.until(known), await world.until(lost, parked=True)
    [quarantine] = await world.ledger.instance.quarantines()

    done = point == "release.committed"
    assert (left.quarantine is None) == done
    assert ("There is no quarantine to release" if done else "Released.") in by_hand
    assert (over_http.status_code, over_http.json()["code"]) == (409, "not_in_quarantine")
    assert quarantine.release_reason == (FIRST if done else SECOND)
    assert str(quarantine.released_by).startswith("person:")
    assert (ended.state, parked.parked) == (State.DOWNLOADED, Parked.OUTCOME_UNKNOWN)
    assert [await world.creations(task) for task in (known, lost)] == [1, 1]
    for task in (known, lost):
        assert (await notes(world, task)).count("put_in_doubt") == 1


@at("erase.erasing", "erase.committed", "erase.deleted")
async def test_an_erasure_is_made_whole_or_not_at_all_and_its_files_go_all_the_same(
    world: World, apis: Apis, point: str
):
    task, other = await world.accepts(), await world.accepts()
    async with world.working():
        await world.until(task), await world.until(other)
    gone, stays = [
        world.settings.data_folder / "artifacts" / artifact.key
        for one in (task, other)
        for artifact in await world.ledger.history.artifacts(one.id)
    ]
    path = f"/v1/tasks/{task_id_text(task.id)}/erasure"
    await apis.dies(point, path, reason=FIRST)
    left = await world.task(task.id)
    await apis.starts()
    again = await apis.asked(path, reason=SECOND)
    async with world.working(), asyncio.timeout(50):
        while gone.exists():  # noqa: ASYNC110 - a worker does it
            await asyncio.sleep(0.05)
    decisions = [note for note in await world.ledger.history.notes(task.id) if note["type"] == "decision"]

    done = point != "erase.erasing"
    assert (left.erased_at is not None) == done
    assert (again.status_code, again.json()["state"]) == (200, "downloaded")
    assert again.json()["erased_at"] is not None
    assert [note["detail"] for note in decisions] == [FIRST if done else SECOND]
    assert stays.exists(), "only what was to go is gone"
