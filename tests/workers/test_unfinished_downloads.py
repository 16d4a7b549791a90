"""An act of downloading that does not finish gives its place back and does no harm to the next one."""

import asyncio

import pytest

from schemas.lifecycle import State
from schemas.upstream import RemoteFile
from tasks_service import failpoints
from tasks_service.doorbell import SilentDoorbell
from workers import fetch
from workers.download import Download
from workers.fetch import Fetcher
from workers.partial import place_for
from workers.workbench import Workbench

from .library import act_on
from .shelf import HALF, SIZE, drips, says


async def test_two_at_one_task_do_not_write_into_the_same_file(library):
    task = await library.finished()
    with place_for(library.bench.incoming, task.id) as theirs:
        (theirs / "0").write_bytes(b"what another worker has got so far")
        ended = await library.go(task)

        assert (theirs / "0").read_bytes() == b"what another worker has got so far"
        assert list(library.bench.incoming.iterdir()) == [theirs]
    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files


async def test_a_line_that_creeps_gives_its_place_back_and_is_gone_on_with_later(library, monkeypatch):
    monkeypatch.setattr(fetch, "_LEAST_WITHIN_S", 0.5)
    library.shelf.deliveries.append(drips(HALF, 0.02))
    task = await library.finished()
    async with asyncio.timeout(5):
        waiting = await library.go(task)
    ended = await library.go(task)

    assert (waiting.state, ended.state) == (State.DONE, State.DOWNLOADED)
    assert "fewer than" in (await library.troubles(task))[0]
    assert library.shelf.statuses == [200, 206]
    assert await library.stored(task) == library.shelf.files


async def test_a_line_that_creeps_from_the_first_header_on_gives_its_place_back(library, monkeypatch):
    async def creep(shelf, got, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            writer.write(b"y")
            await writer.drain()
            await asyncio.sleep(0.02)

    monkeypatch.setattr(fetch, "_LEAST_WITHIN_S", 0.3)
    library.shelf.deliveries.append(creep)
    task = await library.finished()
    async with asyncio.timeout(5):
        waiting = await library.go(task)

    assert waiting.state is State.DONE
    assert "fewer than" in (await library.troubles(task))[0]


@pytest.mark.parametrize("told", [True, False])
async def test_a_file_that_is_too_large_leaves_nothing_behind(library, told):
    body, headers = library.shelf.files[0], {"etag": '"v1"'}
    library.shelf.otherwise = says(200, body, headers, length=told)
    task = await library.finished()
    small = library.bench.settings.model_copy(update={"max_result_bytes": HALF})
    bench = await Workbench.open(small, SilentDoorbell())
    await act_on(Download(bench), task.id, small)
    await bench.close()

    assert (await library.world.task(task.id)).state is State.DONE
    assert "larger than" in (await library.troubles(task))[0]
    assert list(library.place(task).iterdir()) == []


async def test_an_answer_that_is_no_http_is_trouble_and_not_a_broken_step(library, tmp_path):
    async def nonsense(shelf, got, writer):
        writer.write(b"NONSENSE\r\n\r\n")
        await writer.drain()

    upstream = library.bench.upstreams["sandbox"]
    task = await library.finished()
    for authenticated, url in ((True, "/files/1-0"), (False, f"{library.shelf.url}/files/1-0")):
        library.shelf.deliveries.append(nonsense)
        remote = RemoteFile(url, authenticated=authenticated)
        got = await Fetcher(library.bench).fetch(task, upstream, remote, tmp_path / "file")

        assert got.whole is None
        assert got.calls[0].trouble


@pytest.mark.parametrize(
    "point", ["download.before_look", "download.fetched", "download.stored", "download.recording", "download.recorded"]
)  # fmt: skip
async def test_wherever_an_act_ends_the_next_one_finishes_and_fetches_next_to_nothing(library, point):
    async def breaks(_: str) -> None:
        raise RuntimeError(point)

    task = await library.finished()
    failpoints.arm(point, breaks)
    try:
        with pytest.raises(RuntimeError, match=point):
            await library.go(task)
    finally:
        failpoints.disarm()
    now = await library.world.task(task.id)
    ended = await library.go(task) if now.state is State.DONE else now

    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files
    assert library.shelf.sent <= SIZE + 1
