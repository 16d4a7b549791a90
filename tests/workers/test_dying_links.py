"""Links die and files expire: the first to die is fetched first; lost is only what is gone for certain."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from schemas.failures import FailureKind
from schemas.lifecycle import Parked, State
from schemas.upstream import RemoteFile
from tasks_service.doorbell import SilentDoorbell
from workers.download import Download
from workers.fetch import Fetcher
from workers.workbench import Workbench

from .library import act_on
from .shelf import HALF, SIZE, cut_after, honest, picture, says


async def test_a_link_that_died_on_the_way_is_replaced_and_what_came_is_kept(library):
    library.shelf.files = [picture(), picture()]
    library.shelf.deliveries += [honest, cut_after(HALF), says(403), says(403)]
    task = await library.finished()
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files
    assert len(library.shelf.looks) == 2
    # Of the file that was whole, one byte is asked for, to learn whether it is still the same.
    assert [got.token for got in library.shelf.got] == ["1-0", "1-1", "1-1", "1-1", "2-0", "2-1"]
    assert library.shelf.sent == 2 * SIZE + 1


async def test_a_second_dead_link_is_left_for_later(library):
    library.shelf.otherwise = says(410)
    task = await library.finished(expires_in_s=3600)
    waiting = await library.go(task)

    assert (waiting.state, waiting.parked) == (State.DONE, None)
    assert (len(library.shelf.looks), library.shelf.statuses) == (2, [410, 410])


@pytest.mark.parametrize(("status", "dead"), [(401, False), (403, False), (404, True), (410, True)])
async def test_a_refused_credential_does_not_make_a_file_dead(library, tmp_path, status, dead):
    library.shelf.deliveries.append(says(status))
    upstream = library.bench.upstreams["sandbox"]
    task = await library.finished()
    own = RemoteFile("/files/1-0", authenticated=True)
    got = await Fetcher(library.bench).fetch(task, upstream, own, tmp_path / "file")

    assert (got.whole, got.dead) == (None, dead)


async def test_what_dies_first_is_fetched_first(library):
    [route] = library.bench.settings.routes
    one_place = library.bench.settings.model_copy(
        update={"routes": (route.model_copy(update={"max_concurrency": 1}),)}
    )
    tasks = [await library.finished(expires_in_s=left) for left in (None, 9000, 600, 3600)]
    bench = await Workbench.open(one_place, SilentDoorbell())
    download = Download(bench)
    async with asyncio.timeout(50):
        while (await library.world.task(tasks[0].id)).state is State.DONE:
            await download.drain()
            await asyncio.sleep(0.02)
    await download.stop(5)
    await bench.close()

    assert library.shelf.looks == [tasks[n].upstream_id for n in (2, 3, 1, 0)]


@pytest.mark.parametrize(
    ("delivery", "look"),
    [
        (says(404), {}), (says(403), {}), (says(410), {}), (None, {"results": []}),
        (None, {"error": {"code": "E404", "message": "no such job"}}),
    ],
)  # fmt: skip
async def test_what_the_upstream_no_longer_has_after_its_time_is_lost(library, delivery, look):
    library.shelf.otherwise, library.shelf.look_says = delivery, look
    library.shelf.look_status = 404 if "error" in look else 200
    task = await library.finished(expires_in_s=-2 * 3600)
    ended = await library.go(task)

    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.ARTIFACT_LOST)
    assert (await library.world.causes(task))[-1] == ("failed", "result_gone")
    assert ended.failure.message
    assert not library.place(task).exists()


@pytest.mark.parametrize(
    ("expires_in_s", "delivery", "said_in_s"),
    [(-1800, says(404), None), (None, says(404), None), (-7200, says(500), None), (-7200, says(404), 60)],
)
async def test_nothing_is_lost_while_it_may_still_be_there(library, expires_in_s, delivery, said_in_s):
    library.shelf.otherwise = delivery
    if said_in_s:
        library.shelf.expires_at = datetime.now(UTC) + timedelta(seconds=said_in_s)
    task = await library.finished(expires_in_s=expires_in_s)

    assert (await library.go(task)).state is State.DONE


async def test_a_late_fetch_after_the_expiry_is_still_a_fetch(library):
    task = await library.finished(expires_in_s=-2 * 3600)

    assert (await library.go(task)).state is State.DOWNLOADED


async def test_patience_with_a_file_that_never_comes_has_an_end(library):
    library.shelf.otherwise = says(500)
    task = await library.finished()
    impatient = await Workbench.open(
        library.bench.settings.model_copy(update={"hard_limit_s": 0.001}), SilentDoorbell()
    )
    await act_on(Download(impatient), task.id, impatient.settings)
    ended = await library.world.task(task.id)
    await impatient.close()

    assert (ended.state, ended.failure.kind) == (State.FAILED, FailureKind.ARTIFACT_LOST)
    assert (await library.world.causes(task))[-1] == ("failed", "not_fetched_in_time")
    assert "500" in ended.failure.message


async def test_a_file_that_does_not_come_for_half_of_its_life_is_shown_to_a_person(library):
    library.shelf.otherwise = says(500)
    task = await library.finished(expires_in_s=2)
    early = await library.go(task)
    await asyncio.sleep(1.1)
    parked = await library.go(task)
    library.shelf.otherwise = None
    ended = await library.go(task)

    assert (early.parked, parked.parked) == (None, Parked.ARTIFACT_AT_RISK)
    assert (ended.state, ended.parked) == (State.DOWNLOADED, None)
