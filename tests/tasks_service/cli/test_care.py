"""`creative-tasks retention` and `creative-tasks erase` on a real database."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from schemas.ids import task_id_text
from schemas.task import Task
from tasks_service.ledger.keys import Caller
from tasks_service.ledger.ledger import Ledger
from tests.tasks_service.cli.conftest import Run, one_sentence
from tests.tasks_service.ledger.conftest import new_task

REASON = "--reason=按客户要求"


@pytest.fixture
async def caller(ledger: Ledger) -> Caller:
    found = await ledger.keys.find(await ledger.keys.new("acme"))
    assert found is not None
    return found


async def bring(ledger: Ledger, caller: Caller, *, old: bool = False, over: bool = True) -> Task:
    new = new_task(caller, prompt=str(uuid7()))
    if old:
        milliseconds = int(datetime(2025, 3, 10, tzinfo=UTC).timestamp() * 1000)
        new = replace(new, id=UUID(int=(milliseconds << 80) | (uuid7().int & ((1 << 80) - 1))))
    await ledger.tasks.open(new, caller.actor, None)
    task = await ledger.tasks.get(new.id)
    assert task is not None
    if over:
        assert await ledger.tasks.cancel(task.id, "x")
    return task


async def test_months_are_shown_before_they_go(run: Run, dsn: str, ledger: Ledger, caller: Caller):
    task = await bring(ledger, caller, old=True)

    dry = run("retention", "--months", "2", DATABASE_URL=dsn)
    assert dry.returncode == 0, dry.stderr
    assert "2025-03  1      0      goes" in dry.stdout
    assert "Nothing was changed" in dry.stdout
    assert await ledger.tasks.get(task.id) is not None

    done = run("retention", "--drop", DATABASE_URL=dsn, CREATIVE_TASKS_RETENTION_MONTHS="2")
    assert done.returncode == 0, done.stderr
    assert "2025-03 dropped" in done.stdout
    assert await ledger.tasks.get(task.id) is None
    assert "No month is older" in run("retention", "--months", "2", DATABASE_URL=dsn).stdout


async def test_a_month_with_something_live_says_so(run: Run, dsn: str, ledger: Ledger, caller: Caller):
    task = await bring(ledger, caller, old=True, over=False)

    done = run("retention", "--months", "2", "--detach", DATABASE_URL=dsn)

    assert "stays: 1 not over" in done.stdout
    assert await ledger.tasks.get(task.id) is not None


def test_a_limit_is_needed(run: Run, dsn: str):
    assert "Every month is kept" in one_sentence(run("retention", DATABASE_URL=dsn))
    assert "not both" in one_sentence(run("retention", "--drop", "--detach", DATABASE_URL=dsn))


async def test_one_task_is_erased(run: Run, dsn: str, ledger: Ledger, caller: Caller):
    task = await bring(ledger, caller)

    done = run("erase", task_id_text(task.id), REASON, DATABASE_URL=dsn)

    assert done.returncode == 0, done.stderr
    now = await ledger.tasks.get(task.id)
    assert now is not None
    assert now.erased_at is not None
    assert now.request.prompt == ""
    assert "按客户要求" in run("history", task_id_text(task.id), DATABASE_URL=dsn).stdout


async def test_an_account_is_erased_but_for_what_is_not_over(
    run: Run, dsn: str, ledger: Ledger, caller: Caller, folder: Path
):
    over = [await bring(ledger, caller) for _ in range(3)]
    live = await bring(ledger, caller, over=False)
    stranger = await ledger.keys.find(await ledger.keys.new("globex"))
    assert stranger is not None
    other = await bring(ledger, stranger)

    done = run("erase", "--account", "acme", REASON, DATABASE_URL=dsn)

    assert done.stdout == "3 tasks erased\n"
    assert f"1 tasks are not over, and keep their content: {task_id_text(live.id)}" in one_sentence(done)
    kept = await ledger.tasks.get_many([task.id for task in [*over, live, other]], None)
    assert {task.id for task in kept if task.erased_at is None} == {live.id, other.id}


def test_what_is_to_be_erased_must_be_named(run: Run, dsn: str):
    assert "Name one task, or --account" in one_sentence(run("erase", REASON, DATABASE_URL=dsn))
    assert "There is no task" in one_sentence(run("erase", "tsk_x", REASON, DATABASE_URL=dsn))
    assert "needs a reason" in one_sentence(run("erase", "tsk_x", "--reason", " ", DATABASE_URL=dsn))
