"""Months leave whole, when all of them is over, with their guards and files; nothing else ever does."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from schemas.lifecycle import Parked, Spend, State
from schemas.pictures import GivenPicture, Picture
from schemas.task import Artifact
from tasks_service.artifacts import Artifacts
from tasks_service.ledger.retention import How
from tasks_service.ledger.tasks import Move
from tasks_service.retention import delete_files, overdue, retire

from .conftest import HOUR, LEASE, new_task, whole_ledger

OLD = date(2025, 3, 1)
TODAY = date(2025, 6, 15)
PARENTS = ("artifact", "task", "task_event", "task_note", "upstream_call")


def id_in(month, n=0):
    milliseconds = int(datetime(month.year, month.month, 10, tzinfo=UTC).timestamp() * 1000) + n
    return type(uuid7())(int=(milliseconds << 80) | (uuid7().int & ((1 << 80) - 1)))


@pytest.fixture
def old_task(ledger, caller):
    """A task of an old month, at whatever point of its life, with a key and a file where it has come home."""

    async def bring(state=State.DOWNLOADED, month=OLD, key=None, pictures=(), **request):
        new = new_task(caller, **({"prompt": str(uuid7())} | request))
        new = replace(new, id=id_in(month), pictures=pictures)
        await ledger.tasks.open(new, caller.actor, key)
        claimed = await ledger.tasks.claim([State.SUBMITTED], 100, LEASE, whole=True)
        [task] = [one for one in claimed if one.id == new.id]
        if state is State.SUBMITTED:
            return task
        await ledger.spends.intend(task)
        await ledger.spends.settle(task, 1, Spend.CONFIRMED, f"u-{task.id}")
        for step in (State.QUEUED, State.RUNNING, State.DONE, State.DOWNLOADED):
            wait = None if step.final else LEASE
            task = await ledger.tasks.advance(
                task, Move(step, "worker", "test", wait, upstream_id=f"u-{task.id}")
            )
            if step is state:
                break
        if state is State.DOWNLOADED:
            await ledger.history.keep(task.id, [file_of(task)])
        await ledger.work.forget(timedelta(0))
        return task

    return bring


def file_of(task):
    return Artifact(0, f"{task.id}/0-{'0' * 64}.png", "image/png", 9, "0" * 64, 1, 1, None)


async def tables_of(sql, suffix):
    rows = await sql.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '%' || $1", suffix
    )
    return sorted(row["relname"] for row in rows)


async def test_a_month_that_is_over_goes_with_its_guards(ledger, sql, caller, old_task):
    old = await old_task(key="old")
    young = await old_task(key="young", month=date(2025, 5, 1))

    assert await retire(ledger, 2, How.DROP, TODAY) == [OLD]

    assert await tables_of(sql, "_2025_03") == []
    assert await ledger.tasks.get(old.id) is None
    assert await ledger.tasks.by_key(caller.account_id, "old") is None
    assert await sql.fetchval("SELECT count(*) FROM spend WHERE task_id = $1", old.id) == 0
    assert await ledger.history.events(old.id) == await ledger.history.artifacts(old.id) == []
    left = {table for table, rows in (await whole_ledger(sql)).items() if str(old.id) in str(rows)}
    assert left == {"unwanted_file"}, (
        "nothing is left of it but the names of its files, which are about to go"
    )
    assert (await ledger.tasks.get(young.id)).state is State.DOWNLOADED
    assert await ledger.tasks.by_key(caller.account_id, "young") == young.id
    assert len(await ledger.spends.attempts(young)) == 1
    [said] = await ledger.retention.retired()
    assert (said["month"], said["how"], said["tasks"], said["files"]) == (OLD, "drop", 1, 1)
    assert said["ended_at"] is not None


async def test_its_files_are_deleted_and_no_others(ledger, old_task, tmp_path):
    store = Artifacts(f"file://{tmp_path}")
    old, young = await old_task(), await old_task(month=date(2025, 5, 1))
    for task in (old, young):
        (tmp_path / "one").write_bytes(b"a picture")
        await store.put(file_of(task).key, tmp_path / "one")
    await retire(ledger, 2, How.DROP, TODAY)

    assert await delete_files(ledger, store) == 1

    assert not (tmp_path / str(old.id)).exists()
    assert (tmp_path / file_of(young).key).read_bytes() == b"a picture"
    assert await delete_files(ledger, store) == 0


@pytest.mark.parametrize("state", [State.SUBMITTED, State.QUEUED, State.RUNNING, State.DONE])
async def test_one_task_that_is_not_over_keeps_its_month(ledger, sql, old_task, state):
    await old_task()
    live = await old_task(state)

    assert await retire(ledger, 2, How.DROP, TODAY) == []

    assert len(await tables_of(sql, "_2025_03")) >= 5
    assert (await ledger.tasks.get(live.id)).state is state
    [leaving] = await overdue(ledger, 2, TODAY)
    assert (leaving.contents.tasks, leaving.contents.live, leaving.contents.ripe) == (2, 1, False)


async def test_so_does_one_that_waits_for_a_person(ledger, old_task):
    task = await old_task(State.QUEUED)
    assert await ledger.tasks.park(task, Parked.STALLED, HOUR, "worker", None)

    assert await retire(ledger, 2, How.DROP, TODAY) == []

    assert (await ledger.tasks.get(task.id)).parked is Parked.STALLED


async def test_and_one_of_which_something_may_still_come(ledger, old_task):
    task = await old_task()
    await ledger.late.begin(task.id, HOUR)

    assert await retire(ledger, 2, How.DROP, TODAY) == []


async def test_and_one_that_still_counts_against_the_same_work(ledger, sql, old_task):
    task = await old_task()
    await sql.execute(
        """INSERT INTO live_work (account_id, fingerprint, task_id, live, ended_task_id, ended_at)
           VALUES (1, '\\x01', $1, 0, $1, now())""",
        task.id,
    )

    assert await retire(ledger, 2, How.DROP, TODAY) == []
    await ledger.work.forget(timedelta(0))
    assert await retire(ledger, 2, How.DROP, TODAY) == [OLD]


@pytest.mark.parametrize(("keep", "leaves"), [(2, True), (3, False), (12, False)])
async def test_whole_months_are_kept_before_this_one(ledger, old_task, keep, leaves):
    await old_task()

    assert [one.month for one in await overdue(ledger, keep, TODAY)] == ([OLD] if leaves else [])


async def test_a_detached_month_keeps_its_tables_and_spends(ledger, sql, caller, old_task):
    task = await old_task(key="old")

    assert await retire(ledger, 2, How.DETACH, TODAY) == [OLD]

    assert await ledger.tasks.get(task.id) is None
    assert await ledger.tasks.by_key(caller.account_id, "old") is None
    assert await sql.fetchval("SELECT count(*) FROM task_2025_03") == 1
    assert await sql.fetchval("SELECT count(*) FROM unwanted_file") == 0
    with pytest.raises(asyncpg.RestrictViolationError, match="spends are kept"):
        await sql.execute("DELETE FROM spend WHERE task_id = $1", task.id)
    assert await retire(ledger, 2, How.DETACH, TODAY) == []


async def test_what_an_interrupted_worker_left_is_finished(ledger, sql, old_task):
    task = await old_task(key="old")
    # It got as far as this.
    await ledger.retention.begin(OLD, How.DROP, 1, 1)
    await sql.execute("ALTER TABLE task DETACH PARTITION task_2025_03 CONCURRENTLY")

    assert await retire(ledger, 2, How.DROP, TODAY) == [OLD]

    assert await tables_of(sql, "_2025_03") == []
    assert await sql.fetchval("SELECT count(*) FROM spend WHERE task_id = $1", task.id) == 0
    assert await sql.fetchval("SELECT count(*) FROM unwanted_file") == 1


async def test_readers_and_writers_go_on_while_a_month_leaves(ledger, sql, caller, old_task):
    await old_task()
    async with sql.transaction():
        # Somebody who has read an old month and is not done yet.
        await sql.fetch("SELECT count(*) FROM task")
        leaving = asyncio.create_task(retire(ledger, 2, How.DROP, TODAY))
        new = new_task(caller, prompt="meanwhile")
        async with asyncio.timeout(20):
            await ledger.tasks.open(new, caller.actor, None)
            assert (await ledger.tasks.get(new.id)).state is State.SUBMITTED
    assert await leaving == [OLD]


async def test_only_one_retires_months_at_a_time(ledger, old_task):
    await old_task()

    async with ledger.retention.alone() as book:
        assert book is not None
        assert await retire(ledger, 2, How.DROP, TODAY) == []
    results = await asyncio.gather(*(retire(ledger, 2, How.DROP, TODAY) for _ in range(4)))

    assert sorted(results) == [[], [], [], [OLD]]


async def test_an_image_goes_with_the_last_task_that_had_it(ledger, sql, caller, old_task, tmp_path):
    old_only, shared = Picture("1" * 64, "image/png", 9, 1, 1), Picture("2" * 64, "image/png", 9, 1, 1)
    for picture in (old_only, shared):
        await ledger.reference_images.keep(caller.account_id, picture)
    await old_task(pictures=(given(old_only), given(shared)))
    await old_task(month=date(2025, 5, 1), pictures=(given(shared),))
    for picture in (old_only, shared):
        (tmp_path / "references").mkdir(exist_ok=True)
        (tmp_path / "references" / picture.sha256).write_bytes(b"an image")

    await retire(ledger, 2, How.DROP, TODAY)
    await sql.execute("UPDATE unwanted_file SET due_at = now()")
    await delete_files(ledger, Artifacts(f"file://{tmp_path}"))

    known = await ledger.reference_images.known(caller.account_id, [old_only.sha256, shared.sha256])
    assert list(known) == [shared.sha256]
    assert [file.name for file in (tmp_path / "references").iterdir()] == [shared.sha256]


def given(picture):
    return GivenPicture("reference", f"file_{picture.sha256}", picture.type, 9, 1, 1, "upload")


async def test_a_month_of_the_ledger_cannot_be_dropped_by_its_function(sql, old_task):
    await old_task()

    with pytest.raises(asyncpg.RestrictViolationError, match="still a part of the ledger"):
        await sql.execute("SELECT drop_month($1)", OLD)


async def test_nor_a_detached_one_with_a_live_task(sql, old_task):
    await old_task(State.QUEUED)
    for parent in [row[0] for row in await sql.fetch("SELECT monthly_parents()")]:
        await sql.execute(f"ALTER TABLE {parent} DETACH PARTITION {parent}_2025_03")

    with pytest.raises(asyncpg.RestrictViolationError, match="not over"):
        await sql.execute("SELECT drop_month($1)", OLD)


async def test_every_table_that_is_cut_by_month_leaves(sql):
    parents = [row[0] for row in await sql.fetch("SELECT monthly_parents()")]

    assert parents[0] == "task"
    assert set(parents) >= set(PARENTS)
    made = await sql.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ ('_' || to_char(now(), 'YYYY_MM') || '$')"
    )
    assert {row["relname"][:-8] for row in made} == set(parents)
