"""A download whose line broke is gone on with, and never glued to another version of the file."""

import asyncio
import multiprocessing
from typing import Any

import pytest

from schemas.lifecycle import State
from schemas.upstream import RemoteFile
from workers import fetch, resume
from workers.fetch import Fetcher

from .library import a_worker_of_its_own
from .shelf import (
    HALF,
    PADDING,
    SIZE,
    a_part_of_whatever_is_there,
    cut_after,
    hangs_after,
    honest,
    picture,
    says,
    the_whole,
)  # fmt: skip

OLD = {"last-modified": "Fri, 20 Nov 2026 10:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}

YOUNG = OLD | {"date": "Fri, 20 Nov 2026 10:00:30 GMT"}


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
