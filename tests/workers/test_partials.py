"""What a dead process left of a file is gone on with only where nothing can be wrong with it."""

import fcntl
import os
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from schemas.ids import task_id_text
from schemas.upstream import RemoteFile
from workers import partial
from workers.partial import Held, Partial, clear_place, place_for
from workers.result_life import ResultLife
from workers.sweep import clear_incoming

TASK = UUID("01a20010-7ea0-76ee-be74-052ee5e0d8f2")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def filled(folder, content=b"half", validator='"v1"', total=8) -> Partial:
    found = Partial(folder / "0")
    with found.begin(validator, total) as out:
        out.write(content)
    return found


def test_what_came_is_found_again_with_its_version(tmp_path):
    filled(tmp_path)

    assert Partial(tmp_path / "0").held() == Held('"v1"', 8, 4)


@pytest.mark.parametrize(("content", "start"), [(b"half", 4), (b"complete", 7)])
def test_a_file_that_is_all_here_is_asked_for_its_last_byte(tmp_path, content, start):
    held = filled(tmp_path, content).held()

    assert held is not None
    assert held.start == start


@pytest.mark.parametrize("content", [b"", b"more than there is"])
def test_what_cannot_be_a_beginning_does_not_count(tmp_path, content):
    assert filled(tmp_path, content).held() is None


def test_bytes_without_a_note_do_not_count(tmp_path):
    (tmp_path / "0").write_bytes(b"half")

    assert Partial(tmp_path / "0").held() is None
    assert filled(tmp_path, validator=None).held() is None


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"null", b'{"validator": 1}', b"\xff"])
def test_a_note_that_cannot_be_read_is_none(tmp_path, note):
    found = filled(tmp_path)
    (tmp_path / "0.note").write_bytes(note)

    assert found.held() is None


def test_what_a_crash_of_the_machine_left_is_not_believed(tmp_path, monkeypatch):
    found = filled(tmp_path)
    monkeypatch.setattr(partial, "_this_boot", lambda: "the next one")

    assert found.held() is None


@pytest.mark.parametrize("dies_at", ["open", "replace"])
def test_a_process_that_dies_between_two_versions_leaves_nothing_to_go_on_with(
    tmp_path, monkeypatch, dies_at
):
    """Wherever the newer one stopped beginning, the older note never stands beside newer bytes."""
    found = filled(tmp_path)

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(type(found.file), dies_at, dies)
    with pytest.raises(SystemExit):
        found.begin('"v2"', 8)
    monkeypatch.undo()

    assert Partial(tmp_path / "0").held() is None


def test_the_version_is_on_record_before_the_first_byte(tmp_path):
    with Partial(tmp_path / "0").begin('"v2"', 8):
        assert b"v2" in (tmp_path / "0.note").read_bytes()
        assert (tmp_path / "0").stat().st_size == 0


def test_going_on_begins_exactly_there(tmp_path):
    found = filled(tmp_path, b"halfway")
    with found.go_on(4) as out:
        out.write(b"way!")

    assert found.file.read_bytes() == b"halfway!"


def test_a_place_is_kept_for_whoever_comes_next_and_shared_with_nobody(tmp_path):
    with place_for(tmp_path, TASK) as first:
        (first / "0").write_bytes(b"half")
        with place_for(tmp_path, TASK) as other:
            assert other != first
            assert list(other.iterdir()) == []
        assert not other.exists()
    with place_for(tmp_path, TASK) as again:
        assert (again / "0").read_bytes() == b"half"


def test_a_place_where_somebody_works_is_not_cleared(tmp_path):
    with place_for(tmp_path, TASK) as place:
        clear_place(tmp_path, TASK)
        assert place.exists()
    clear_place(tmp_path, TASK)

    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_folder_that_was_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """The holder removes the folder while the next one stands at its door."""
    folder = tmp_path / task_id_text(TASK)
    really, times = fcntl.flock, []

    def removed_first(descriptor: int, how: int) -> None:
        times.append(descriptor)
        if len(times) == 1:
            folder.rmdir()
        really(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with place_for(tmp_path, TASK) as place:
        assert place == folder
        assert place.is_dir()

    assert len(times) == 2


def test_what_nobody_came_back_for_is_swept_away(tmp_path):
    with place_for(tmp_path, TASK) as place:
        (place / "0").write_bytes(b"half")
    clear_incoming(tmp_path)
    assert place.exists()
    os.utime(place, (0, 0))
    with place_for(tmp_path, TASK):
        clear_incoming(tmp_path)
        assert place.exists()
    os.utime(place, (0, 0))
    clear_incoming(tmp_path)

    assert not place.exists()


def life(since_s: float, left_s: float | None) -> ResultLife:
    return ResultLife(since_s, left_s)


def test_the_older_the_longer_the_wait_and_never_forever():
    waits = [
        life(since, None).next_try_s(300, None)
        for since in (0, 6, 60, 180, 800, 1000, 20_000, 86_400, 600_000)
    ]

    assert waits == [0.5, 2, 20, 60, 60, 300, 1000, 1800, 1800]


@pytest.mark.parametrize("since", [0, 100, 899, 5_000, 80_000])
@pytest.mark.parametrize("left", [8, 100, 3600, 86_400])
@pytest.mark.parametrize("asked", [None, 300.0])
def test_three_more_tries_fall_before_three_quarters_of_what_is_left(since, left, asked):
    tries, past = 0, 0.0
    while past <= left * 0.75:
        past += life(since + past, left - past).next_try_s(300, asked)
        tries += 1

    assert tries >= 3


@pytest.mark.parametrize(
    ("since", "left", "at_risk"),
    [
        (899, None, False),
        (901, None, True),
        (29, 31, False),
        (31, 29, True),
        (901, 86_400, True),
        (1, -1, True),
    ],
)
def test_a_person_looks_before_it_is_too_late(since, left, at_risk):
    assert life(since, left).at_risk is at_risk


@pytest.mark.parametrize(("left", "over"), [(None, False), (1, False), (-3599, False), (-3601, True)])
def test_a_result_is_over_only_some_time_after_its_end(left, over):
    assert life(9000, left).over is over


def test_the_later_of_two_ends_counts():
    task: Any = SimpleNamespace(
        finished_at=NOW, created_at=NOW, result_expires_at=NOW + timedelta(seconds=10)
    )
    files = [RemoteFile("a", expires_at=NOW + timedelta(seconds=90)), RemoteFile("b")]

    assert ResultLife.of(task, files, NOW + timedelta(seconds=5)) == ResultLife(5, 85)
    assert ResultLife.of(task, [], NOW + timedelta(seconds=5)) == ResultLife(5, 5)


def test_what_is_cleared_is_old_and_ours_and_nothing_else_is_in_the_way(tmp_path):
    old = time.time() - 2 * 24 * 3600
    for name in ("abandoned", "fresh"):
        (tmp_path / name).mkdir()
    (tmp_path / "stray.txt").write_text("somebody put this here")
    for name in ("abandoned", "stray.txt"):
        os.utime(tmp_path / name, (old, old))

    clear_incoming(tmp_path)

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["fresh", "stray.txt"]
