"""The paid request under bad luck: late answers, lost leases, a ledger that is away, a second try."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, Spend, State
from tasks_service import failpoints
from tasks_service.doorbell import SilentDoorbell
from workers.sandbox.app import running_studio
from workers.submit import Submit
from workers.workbench import Workbench

from .conftest import KEY

AT_ONCE = timedelta(0)


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.disarm()


async def submitting(world) -> Submit:
    return Submit(await Workbench.open(world.settings, SilentDoorbell()))


async def claimed(world, lease=AT_ONCE):
    [task] = await world.ledger.tasks.claim([State.SUBMITTED], 1, lease, whole=True)
    return task


async def test_a_confirmation_that_comes_after_the_lease_was_lost_is_not_forgotten(world):
    await world.accepts("sora-2", script="latency=0.8")
    slow, quick = await submitting(world), await submitting(world)
    sending = asyncio.create_task(slow._act_safely(await claimed(world)))
    await asyncio.sleep(0.3)
    task = await claimed(world)
    await quick._act_safely(task)
    parked = await world.task(task.id)
    await sending
    confirmed = await world.task(task.id)
    async with world.working():
        ended = await world.until(task)

    assert (parked.parked, parked.spend) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN)
    assert confirmed.spend is Spend.CONFIRMED
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)
    assert await world.creations(task) == 1
    assert len(await world.calls(task, "submit")) == 1
    await asyncio.gather(slow.bench.close(), quick.bench.close())


async def test_a_refusal_that_comes_after_the_lease_was_lost_is_on_record(world):
    await world.accepts("sora-2", script="latency=0.8 create=refuse_content")
    slow, quick = await submitting(world), await submitting(world)
    sending = asyncio.create_task(slow._act_safely(await claimed(world)))
    await asyncio.sleep(0.3)
    task = await claimed(world)
    await quick._act_safely(task)
    await sending

    known = await world.task(task.id)
    assert known.spend is Spend.NOT_CREATED
    assert [call["status"] for call in await world.calls(task, "submit")] == [400]
    await asyncio.gather(slow.bench.close(), quick.bench.close())


async def lost(world, script: str):
    """A task whose paid request was made, and whose answer nobody got."""
    await world.accepts(script=script)
    task, submit = await claimed(world, timedelta(seconds=1)), await submitting(world)
    await submit._act_safely(task)
    await submit.bench.close()
    known = await world.task(task.id)
    assert (known.spend, await world.creations(known)) == (Spend.UNKNOWN, 1)
    return known


async def test_a_refusal_of_a_second_try_says_nothing_about_the_first(world):
    task = await lost(world, "create=lost_after create_times=1 then=refuse_content")
    async with world.working(), asyncio.timeout(50):
        while 451 not in [call["status"] for call in await world.calls(task, "submit")]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    now = await world.task(task.id)

    assert (now.state, now.spend) == (State.SUBMITTED, Spend.UNKNOWN)


@pytest.mark.parametrize("changed", ["credential", "base_url"])
async def test_a_lost_request_is_not_sent_again_to_another_account_or_place(world, tmp_path, changed):
    task = await lost(world, "create=lost_after create_times=1")
    async with running_studio(tmp_path / "other", KEY) as elsewhere:
        other = {"credential": SecretStr("studio-key-of-another-account"), "base_url": elsewhere}[changed]
        routes = tuple(route.model_copy(update={changed: other}) for route in world.settings.routes)
        async with world.working(routes=routes):
            parked = await world.until(task, parked=True)
        async with httpx.AsyncClient(base_url=elsewhere) as client:
            made_elsewhere = (await client.get("/ledger")).json()["count"]
    tries = len(await world.calls(task, "submit"))
    async with world.working():
        ended = await world.until(task)

    assert (parked.parked, parked.spend, tries) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN, 1)
    assert (ended.state, await world.creations(task), made_elsewhere) == (State.DOWNLOADED, 1, 0)


async def test_a_lost_request_is_not_sent_again_with_another_address_to_ring_at(world):
    task = await lost(world, "create=lost_after create_times=1")
    async with world.working(callback_base_url="https://tasks.example.com"):
        parked = await world.until(task, parked=True)
    tries = len(await world.calls(task, "submit"))
    async with world.working():
        ended = await world.until(task)

    assert (parked.parked, parked.spend, tries) == (Parked.OUTCOME_UNKNOWN, Spend.UNKNOWN, 1)
    assert (ended.state, await world.creations(task)) == (State.DOWNLOADED, 1)


async def test_a_reference_is_not_sent_again_when_the_upstream_may_have_forgotten_it(world):
    task = await world.accepts(script="create=500_after")
    async with world.working(submit_give_up_s=1.5, parked_wait_s=0.3):
        parked = await world.until(task, parked=True)
        sent = len(await world.calls(task, "submit"))
        await asyncio.sleep(2)

    assert parked.parked is Parked.OUTCOME_UNKNOWN
    assert len(await world.calls(task, "submit")) == sent
    assert await world.creations(task) == 1


async def test_an_answer_that_comes_while_the_ledger_is_away_is_not_forgotten(world, dsn, server_dsn):
    name = urlsplit(dsn).path.strip("/")
    elsewhere, gone = await asyncpg.connect(server_dsn), asyncio.Event()

    async def take_away(point: str) -> None:
        await away(elsewhere, name)
        gone.set()

    task = await world.accepts("sora-2")
    failpoints.arm("submit.connected", take_away)
    async with world.working(lease_s=60):
        await gone.wait()
        failpoints.disarm()
        await asyncio.sleep(2)
        await elsewhere.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
        ended = await world.until(task, within_s=50)
    await elsewhere.close()

    assert (ended.state, ended.attempt) == (State.DOWNLOADED, 1)
    assert await world.creations(task) == 1


async def away(elsewhere: asyncpg.Connection, name: str) -> None:
    """Take a database from under everybody's feet."""
    while True:
        await elsewhere.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        try:
            await elsewhere.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
        except asyncpg.ObjectInUseError:
            continue
        return


async def test_a_narrow_route_takes_its_tasks_one_after_another(world):
    routes = tuple(route.model_copy(update={"max_concurrency": 1}) for route in world.settings.routes)
    tasks = [await world.accepts("sora-2", script="latency=0.4") for _ in range(6)]
    async with world.working(routes=routes):
        ended = [await world.until(task, parked=True, within_s=50) for task in tasks]

    assert {(task.state, task.parked) for task in ended} == {(State.DOWNLOADED, None)}


async def test_a_lease_is_kept_for_as_long_as_the_upstream_takes_to_answer(world):
    task = await world.accepts("sora-2", script="latency=8")
    async with world.working(submit_timeout_s=30), world.working(submit_timeout_s=30):
        ended = await world.until(task, parked=True)

    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)
    assert await world.creations(task) == 1


async def test_a_credential_that_no_header_can_hold_is_our_mistake_and_costs_nothing(world):
    routes = tuple(
        route.model_copy(update={"credential": SecretStr("schlüssel-ü")}) for route in world.settings.routes
    )
    task = await world.accepts("sora-2")
    async with world.working(routes=routes):
        ended = await world.until(task)

    assert (ended.state, ended.failure.kind, ended.spend) == (
        State.FAILED,
        FailureKind.KEY_MALFORMED,
        Spend.NOT_CREATED,
    )
    assert await world.creations(task) == 0


async def test_the_evidence_of_a_request_that_was_cut_off_by_our_stop_is_kept(world):
    task = await world.accepts("sora-2", script="create=hang_after")
    async with world.working(submit_timeout_s=60, stop_wait_s=0.2):
        await world.created(task)

    now = await world.task(task.id)
    assert (now.spend, now.parked) == (Spend.UNKNOWN, Parked.OUTCOME_UNKNOWN)
    assert [call["trouble"] for call in await world.calls(task, "submit")] == ["Cancelled"]
    assert await world.creations(task) == 1


async def test_a_store_that_is_away_costs_time_and_not_the_result(world):
    folder = world.settings.data_folder / "artifacts"
    task = await world.accepts(script="queue=1")
    async with world.working():
        await world.until(task, State.QUEUED)
        folder.rename(folder.with_suffix(".away"))
        folder.write_text("in the way")
        await world.until(task, State.DONE)
        await asyncio.sleep(1)
        folder.unlink()
        folder.with_suffix(".away").rename(folder)
        ended = await world.until(task)

    assert ended.state is State.DOWNLOADED
    assert len(await world.calls(task, "download")) >= 2


async def test_a_result_that_is_too_large_is_not_taken(world):
    task = await world.accepts()
    async with world.working(max_result_bytes=1024):
        await world.until(task, State.DONE)
        await asyncio.sleep(1)

    assert (await world.task(task.id)).state is State.DONE
    assert "larger than 1024 bytes" in (await world.calls(task, "download"))[0]["trouble"]


async def test_the_same_trouble_again_and_again_is_one_row(world):
    task = await world.accepts(script="poll=404 poll_times=4")
    async with world.working():
        await world.until(task, within_s=50)

    troubles = [call for call in await world.calls(task, "poll") if call["status"] == 404]
    assert len(troubles) == 1
    assert troubles[0]["repeats"] == 3


async def test_slow_files_of_a_route_hold_up_no_looks_of_it(world):
    slow = [await world.accepts("sora-2", script="result=slow") for _ in range(2)]
    routes = tuple(found.model_copy(update={"max_concurrency": 2}) for found in world.settings.routes)
    async with world.working(routes=routes, stop_wait_s=0.2):
        for task in slow:
            await world.until(task, State.DONE)
        await asyncio.sleep(0.5)
        brisk = await world.accepts("sora-2")
        seen = await world.until(brisk, State.DONE, State.DOWNLOADED, within_s=10)

    assert seen.state in (State.DONE, State.DOWNLOADED)
    assert KEY not in str(await world.calls(brisk, "poll"))
