"""`creative-tasks decide` on a real database."""

import pwd
from datetime import timedelta
from os import getuid

import pytest

from schemas.failures import FailureKind
from schemas.ids import task_id_text
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.spend import Intention
from tests.tasks_service.cli.conftest import Run, one_sentence
from tests.tasks_service.cli.test_lookups import Opened, opened

__all__ = ["opened"]

REASON = "--reason=上游后台查过"
LONG_AGO = timedelta(hours=-1)


async def parked(ledger: Ledger, task: Task) -> str:
    """A task in doubt, which waits for a person."""
    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, timedelta(hours=1), "worker", None)
    return task_id_text(task.id)


async def sent_long_ago(ledger: Ledger, task: Task) -> str:
    """The same, of an attempt to which no answer can come any more."""
    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)
    again = await ledger.tasks.get(task.id)
    assert again is not None
    await ledger.spends.intend(again, Intention(LONG_AGO))
    await ledger.spends.settle(again, 2, Spend.UNKNOWN, None)
    await ledger.tasks.park(again, Parked.OUTCOME_UNKNOWN, timedelta(hours=1), "worker", None)
    return task_id_text(task.id)


async def test_attached_work_is_taken_up(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task = await opened()
    name = await parked(ledger, task)

    done = run("decide", name, "attach", "--upstream-id", "vid_77", REASON, DATABASE_URL=dsn)

    assert (done.returncode, done.stdout.split()) == (0, [name, "sandbox-image-1", "submitted"])
    now = await ledger.tasks.get(task.id)
    assert now is not None
    assert (now.spend, now.parked) == (Spend.CONFIRMED, None)
    told = run("history", name, DATABASE_URL=dsn).stdout
    assert f"person:{pwd.getpwuid(getuid()).pw_name}" in told
    assert "attach detail=上游后台查过 (upstream id vid_77)" in told


@pytest.mark.parametrize("word", ["not-created", "not_created"])
async def test_what_was_not_created_may_go_again(
    run: Run, dsn: str, ledger: Ledger, opened: Opened, word: str
):
    task = await opened()
    name = await sent_long_ago(ledger, task)

    assert run("decide", name, word, REASON, DATABASE_URL=dsn).returncode == 0

    now = await ledger.tasks.get(task.id)
    assert now is not None
    assert (now.spend, now.parked) == (Spend.NOT_CREATED, None)


async def test_a_closed_task_is_over(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    task = await opened()
    name = await parked(ledger, task)

    done = run("decide", name, "close", REASON, DATABASE_URL=dsn)

    assert done.stdout.split()[-1] == "failed"
    now = await ledger.tasks.get(task.id)
    assert now is not None
    assert now.failure is not None
    assert (now.state, now.failure.kind) == (State.FAILED, FailureKind.OUTCOME_UNKNOWN)


async def test_looking_again_leaves_it_parked(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    name = await parked(ledger, await opened())

    done = run("decide", name, "look-again", REASON, DATABASE_URL=dsn)

    assert "parked: outcome_unknown" in done.stdout
    assert len(await ledger.tasks.claim([State.SUBMITTED], 1, timedelta(minutes=1))) == 1


async def test_too_early_is_one_sentence_that_says_when(run: Run, dsn: str, ledger: Ledger, opened: Opened):
    name = await parked(ledger, await opened())

    said = one_sentence(run("decide", name, "not-created", REASON, DATABASE_URL=dsn))

    assert "may still arrive; not_created can be said from 20" in said


async def test_what_is_not_parked_is_one_sentence(run: Run, dsn: str, opened: Opened):
    name = task_id_text((await opened()).id)

    for words in (("attach", "--upstream-id=vid_1"), ("close",)):
        said = one_sentence(run("decide", name, *words, REASON, DATABASE_URL=dsn))
        assert "This one is submitted and not parked, and its paid request is intended" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("attach", REASON), "--upstream-id: attach needs the id"),
        (("close", "--upstream-id=vid_1", REASON), "--upstream-id: only attach takes"),
        (("close", "--reason= x "), "--reason: String should have at least 3 characters"),
        (("close", "--reason=a\nb\nc"), "--reason: only characters that can be printed"),
    ],
)
async def test_an_incomplete_decision_is_one_sentence_and_writes_nothing(
    run: Run, dsn: str, ledger: Ledger, opened: Opened, words: tuple[str, ...], told: str
):
    task = await opened()
    name = await parked(ledger, task)
    before = await ledger.tasks.get(task.id)

    assert told in one_sentence(run("decide", name, *words, DATABASE_URL=dsn))
    assert await ledger.tasks.get(task.id) == before


@pytest.mark.parametrize("words", [("explode", REASON), ("close",), ()])
def test_what_is_no_decision_is_a_wrong_use(run: Run, dsn: str, words: tuple[str, ...]):
    done = run("decide", "tsk_x", *words, DATABASE_URL=dsn)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    if words[:1] == ("explode",):
        assert "attach, not-created, close, look-again" in " ".join(done.stderr.split())


def test_an_unknown_task_is_one_sentence(run: Run, dsn: str):
    assert "There is no task tsk_x" in one_sentence(run("decide", "tsk_x", "close", REASON, DATABASE_URL=dsn))
