"""Files come home whole, whatever breaks on the way, and what came once is not fetched twice."""

import asyncio
import hashlib
import multiprocessing
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from schemas.failures import FailureKind
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, State
from schemas.routes import Route
from schemas.upstream import RemoteFile
from tasks_service import failpoints
from tasks_service.artifacts import Artifacts
from tasks_service.doorbell import SilentDoorbell
from tasks_service.ledger.tasks import Move
from tasks_service.settings import Settings
from workers import fetch, resume
from workers.download import Download
from workers.fetch import Fetcher
from workers.partial import place_for
from workers.workbench import Workbench

from .shelf import (
    PADDING,
    SIZE,
    Shelf,
    a_part_of_whatever_is_there,
    cut_after,
    drips,
    hangs_after,
    honest,
    picture,
    says,
    serving,
    the_whole,
)  # fmt: skip

AT_ONCE, HALF = timedelta(0), SIZE // 2
OLD = {"last-modified": "Fri, 20 Nov 2026 10:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}
YOUNG = OLD | {"date": "Fri, 20 Nov 2026 10:00:30 GMT"}


class Library:
    """A world in which the upstream's work is done, and only the files are to be fetched."""

    def __init__(self, world: Any, shelf: Shelf, bench: Workbench):
        self.world, self.shelf, self.bench = world, shelf, bench
        self.download = Download(bench)

    async def finished(self, *, expires_in_s: float | None = None) -> Any:
        """A task that is done upstream, and whose files are not ours yet."""
        task = await self.world.accepts()
        tasks = self.world.ledger.tasks
        [task] = [one for one in await tasks.claim([State.SUBMITTED], 9, AT_ONCE) if one.id == task.id]
        taken = Move(State.QUEUED, "worker", "upstream_accepted", AT_ONCE, upstream_id=f"job_{uuid7()}")
        ends = None if expires_in_s is None else datetime.now(UTC) + timedelta(seconds=expires_in_s)
        done = Move(State.DONE, "provider", "upstream_said:ready", AT_ONCE, result_expires_at=ends)
        return await tasks.advance(await tasks.advance(task, taken), done)

    async def go(self, task: Any) -> Any:
        """One act on the task, due or not; what became of the task."""
        await act_on(self.download, task.id, self.bench.settings)
        return await self.world.task(task.id)

    async def stored(self, task: Any) -> list[bytes]:
        store = Artifacts(self.bench.settings.store)
        found = []
        for one in await self.world.ledger.history.artifacts(task.id):
            content = b"".join([chunk async for chunk in await store.open(one.key, 0, one.bytes)])
            assert (one.bytes, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())
            found.append(content)
        return found

    async def troubles(self, task: Any) -> list[str]:
        return [call["trouble"] or "" for call in await self.world.calls(task, "download")]

    def place(self, task: Any) -> Path:
        return self.bench.incoming / task_id_text(task.id)


async def act_on(download: Download, task_id: UUID, settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    await connection.execute("UPDATE task SET due_at = now() WHERE id = $1", task_id)
    await connection.close()
    claimed = await download.bench.ledger.tasks.claim([State.DONE], 9, timedelta(seconds=30))
    await download.act(*(one for one in claimed if one.id == task_id))


def a_worker_of_its_own(settings: Settings, task_id: UUID) -> None:
    """One act in another process, which a test may kill."""

    async def work() -> None:
        await act_on(Download(await Workbench.open(settings, SilentDoorbell())), task_id, settings)

    asyncio.run(work())


@pytest.fixture
async def library(world) -> AsyncIterator[Library]:
    async with serving(Shelf()) as shelf:
        route = Route(name="sandbox", provider="sandbox", base_url=shelf.url, credential=SecretStr("key"))
        settings = world.settings.model_copy(update={"routes": (route,), "call_timeout_s": 5})
        bench = await Workbench.open(settings, SilentDoorbell())
        yield Library(world, shelf, bench)
        await bench.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(fetch, "_PAUSES_S", (0.01, 0.01, 0.01))


@pytest.mark.parametrize("tags", [{"etag": '"v1"'}, OLD])
async def test_a_file_whose_line_broke_is_gone_on_with_where_it_ended(library, tags):
    library.shelf.tags = tags
    library.shelf.deliveries += [cut_after(HALF), cut_after(1000)]
    task = await library.finished()
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files
    assert library.shelf.statuses == [200, 206, 206]
    assert library.shelf.sent == SIZE
    assert [got.headers.get("if-range") for got in library.shelf.got][1] == next(iter(tags.values())).lower()
    assert not library.place(task).exists()


async def test_after_a_killed_worker_only_the_rest_is_fetched(library):
    library.shelf.deliveries.append(hangs_after(HALF))
    task = await library.finished()
    worker = multiprocessing.get_context("spawn").Process(
        target=a_worker_of_its_own, args=(library.bench.settings, task.id)
    )
    worker.start()
    await asyncio.wait_for(library.shelf.reached.wait(), 30)
    file = library.place(task) / "0"
    while not file.exists() or file.stat().st_size < HALF:  # noqa: ASYNC110 - the other process tells nobody
        await asyncio.sleep(0.01)
    worker.kill()
    await asyncio.to_thread(worker.join)
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files
    assert library.shelf.statuses == [200, 206]
    assert library.shelf.sent == SIZE


@pytest.mark.parametrize(
    "tags", [{}, {"etag": 'W/"v1"'}, {"etag": "v1"}, YOUNG, {"last-modified": "yesterday"}]
)
async def test_what_cannot_be_told_from_another_version_is_never_gone_on_with(library, tags):
    library.shelf.tags = tags
    library.shelf.deliveries.append(cut_after(HALF))
    task = await library.finished()
    await library.go(task)
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert [got.headers.get("range") for got in library.shelf.got] == [None, None]
    assert await library.stored(task) == library.shelf.files


def changing(then) -> Any:
    """Half of one version, and from now on another of the same length."""

    async def deliver(shelf, got, writer):
        await cut_after(HALF)(shelf, got, writer)
        shelf.files, shelf.tags, shelf.otherwise = [picture()], {"etag": '"v2"'}, then

    return deliver


@pytest.mark.parametrize(
    ("server", "statuses"), [(honest, [200, 200]), (a_part_of_whatever_is_there, [200, 206, 200])]
)
async def test_a_file_that_changed_meanwhile_is_fetched_anew(library, server, statuses):
    library.shelf.deliveries.append(changing(server))
    task = await library.finished()
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files
    assert library.shelf.statuses == statuses


async def test_without_a_validator_two_versions_would_be_glued_together(library, monkeypatch):
    """The negative control: this library does see a file of two halves."""
    monkeypatch.setattr(resume, "_is_same", lambda headers, held: True)
    monkeypatch.setattr(fetch, "asking", lambda held: {"range": f"bytes={held.start}-"} if held else {})
    first = library.shelf.files[0]
    library.shelf.deliveries.append(changing(honest))
    task = await library.finished()
    await library.go(task)

    assert await library.stored(task) == [first[:HALF] + library.shelf.files[0][HALF:]]


async def test_a_server_that_knows_no_range_gives_the_whole_again(library):
    library.shelf.deliveries += [cut_after(HALF), the_whole]
    task = await library.finished()
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert library.shelf.statuses == [200, 200]
    assert await library.stored(task) == library.shelf.files


@pytest.mark.parametrize(
    "span",
    [
        f"bytes {HALF + 1}-{SIZE - 1}/{SIZE}", f"bytes {HALF - 1}-{SIZE - 1}/{SIZE}", f"bytes 0-{SIZE - 1}/{SIZE}",
        f"bytes {HALF}-{SIZE - 1}/{SIZE + 1}", f"bytes {HALF}-{SIZE - 1}/*", f"bytes */{SIZE}", "", "bytes", None,
        f"bytes {HALF}-{SIZE}/{SIZE}", f"{HALF}-{SIZE - 1}/{SIZE}",
    ],
)  # fmt: skip
async def test_a_range_that_is_not_the_one_asked_for_is_not_believed(library, span):
    headers = library.shelf.tags | ({} if span is None else {"content-range": span})
    library.shelf.deliveries += [cut_after(HALF), says(206, library.shelf.files[0][HALF:], headers)]
    task = await library.finished()
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert library.shelf.statuses == [200, 206, 200]
    assert await library.stored(task) == library.shelf.files


@pytest.mark.parametrize("status", [400, 403, 404, 412, 416, 500])
async def test_a_server_that_is_upset_by_a_range_is_asked_for_the_whole(library, status):
    library.shelf.deliveries += [cut_after(HALF), says(status)]
    task = await library.finished()
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert library.shelf.statuses == [200, status, 200]
    assert len(library.shelf.looks) == 1


async def test_a_busy_server_is_left_alone_and_what_came_is_kept(library):
    library.shelf.deliveries += [cut_after(HALF), says(503)]
    task = await library.finished()
    waiting = await library.go(task)
    ended = await library.go(task)

    assert (waiting.state, ended.state) == (State.DONE, State.DOWNLOADED)
    assert library.shelf.statuses == [200, 503, 206]


async def test_a_body_that_is_shorter_than_the_file_is_not_the_whole(library):
    """Everything that the picture needs is there, and the answer is as long as it says; only the total tells."""
    end = SIZE - PADDING // 2
    headers = library.shelf.tags | {"content-range": f"bytes {HALF}-{end - 1}/{SIZE}"}
    library.shelf.deliveries += [cut_after(HALF), says(206, library.shelf.files[0][HALF:end], headers)]
    task = await library.finished()
    ended = await library.go(task)

    assert ended.state is State.DOWNLOADED
    assert library.shelf.got[-1].headers["range"] == f"bytes={end}-"
    assert await library.stored(task) == library.shelf.files


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


async def test_what_dies_first_is_fetched_first(library):
    [route] = library.bench.settings.routes
    one_place = library.bench.settings.model_copy(
        update={"routes": (route.model_copy(update={"max_concurrency": 1}),)}
    )
    tasks = [await library.finished(expires_in_s=left) for left in (None, 9000, 600, 3600)]
    bench = await Workbench.open(one_place, SilentDoorbell())
    download = Download(bench)
    async with asyncio.timeout(20):
        while (await library.world.task(tasks[0].id)).state is State.DONE:
            await download.drain()
            await asyncio.sleep(0.02)
    await download.stop(5)
    await bench.close()

    assert library.shelf.looks == [tasks[n].upstream_id for n in (2, 3, 1, 0)]


async def test_two_at_one_task_do_not_write_into_the_same_file(library):
    task = await library.finished()
    with place_for(library.bench.incoming, task.id) as theirs:
        (theirs / "0").write_bytes(b"what another worker has got so far")
        ended = await library.go(task)

        assert (theirs / "0").read_bytes() == b"what another worker has got so far"
        assert list(library.bench.incoming.iterdir()) == [theirs]
    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files


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


@pytest.mark.parametrize(
    "point", ["download.before_look", "download.fetched", "download.stored", "download.recording", "download.recorded"]
)  # fmt: skip
async def test_wherever_an_act_ends_the_next_one_finishes_and_fetches_next_to_nothing(library, point):
    async def breaks(_: str) -> None:
        raise failpoints.Injected(point)

    task = await library.finished()
    failpoints.arm(point, breaks)
    try:
        with pytest.raises(failpoints.Injected, match=point):
            await library.go(task)
    finally:
        failpoints.disarm()
    now = await library.world.task(task.id)
    ended = await library.go(task) if now.state is State.DONE else now

    assert ended.state is State.DOWNLOADED
    assert await library.stored(task) == library.shelf.files
    assert library.shelf.sent <= SIZE + 1


@pytest.mark.parametrize(("status", "dead"), [(401, False), (403, False), (404, True), (410, True)])
async def test_a_refused_credential_does_not_make_a_file_dead(library, tmp_path, status, dead):
    library.shelf.deliveries.append(says(status))
    upstream = library.bench.upstreams["sandbox"]
    task = await library.finished()
    own = RemoteFile("/files/1-0", authenticated=True)
    got = await Fetcher(library.bench).fetch(task, upstream, own, tmp_path / "file")

    assert (got.whole, got.dead) == (None, dead)


async def test_a_file_behind_the_routes_own_credential_is_gone_on_with_too(library, tmp_path):
    library.shelf.deliveries.append(cut_after(HALF))
    upstream = library.bench.upstreams["sandbox"]
    task = await library.finished()
    own = RemoteFile("/files/1-0", authenticated=True)
    got = await Fetcher(library.bench).fetch(task, upstream, own, tmp_path / "file")

    assert library.shelf.statuses == [200, 206]
    assert all(one.headers["authorization"] == "bearer key" for one in library.shelf.got)
    assert got.whole is not None
    assert got.whole.file.read_bytes() == library.shelf.files[0]


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
