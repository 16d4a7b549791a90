"""Work that ended a short while ago still counts, unless it was certainly free; nobody slips in between."""

import asyncio
from datetime import timedelta

import pytest

from schemas.failures import Answer, Failure, FailureKind, was_spent
from schemas.lifecycle import Spend, State
from tasks_service.ledger.tasks import Move, WorkTaken

from .conftest import LEASE, new_task
from .person import SAID

WINDOW = timedelta(minutes=10)
FREE = Move(State.FAILED, "worker", "test", failure=Failure(FailureKind.CONTENT_POLICY_INPUT))
MADE = Move(State.DOWNLOADED, "worker", "test", upstream_id="u-1")


@pytest.fixture
def same(ledger, caller):
    """Asks for the same work again."""

    async def ask(prompt="same", *, window=WINDOW, allow_duplicate=False):
        new = new_task(caller, prompt=prompt, allow_duplicate=allow_duplicate)
        return await ledger.tasks.open(new, caller.actor, None, window)

    return ask


@pytest.fixture
def claimed(ledger):
    """The one task that waits, under a lease, with what is known of its paid request."""

    async def claim(spend=Spend.NONE):
        [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
        if spend is not Spend.NONE:
            await ledger.spends.intend(task)
        if spend not in (Spend.NONE, Spend.INTENDED):
            upstream_id = f"u-{task.id}" if spend is Spend.CONFIRMED else None
            await ledger.spends.settle(task, 1, spend, upstream_id)
        return await ledger.tasks.get(task.id)

    return claim


@pytest.fixture
def almost_made(ledger, same, claimed):
    """A task whose file is about to be ours."""

    async def bring(**wish):
        await same(**wish)
        task = await claimed(Spend.CONFIRMED)
        return await ledger.tasks.advance(
            task, Move(State.DONE, "worker", "test", LEASE, upstream_id=f"u-{task.id}")
        )

    return bring


@pytest.fixture
def later(sql):
    """Lets time go by for everything that has ended."""

    async def go(by):
        await sql.execute("UPDATE live_work SET ended_at = ended_at - $1::interval", by)

    return go


async def taken_by(asking):
    with pytest.raises(WorkTaken) as taken:
        await asking
    return taken.value.task_id


@pytest.mark.parametrize("spend", Spend)
async def test_a_failure_counts_unless_it_was_certainly_free(ledger, same, claimed, spend):
    for kind in FailureKind:
        first = await same(prompt=kind.value)
        task = await claimed(spend)
        await ledger.tasks.advance(task, Move(State.FAILED, "worker", "test", failure=Failure(kind)))
        if was_spent(kind, spend) is Answer.NO:
            again = await same(prompt=kind.value)
            assert await ledger.tasks.cancel(again.id, "x")
        else:
            assert await taken_by(same(prompt=kind.value)) == first.id, kind


@pytest.mark.parametrize("kind", [FailureKind.OUTCOME_UNKNOWN, FailureKind.CONTENT_POLICY_INPUT])
async def test_what_a_person_closed_in_doubt_counts_whatever_it_is_called(ledger, same, in_doubt, kind):
    task = await in_doubt(prompt="same")
    assert await ledger.decisions.close(task, SAID, kind)

    assert await taken_by(same()) == task.id


async def test_a_result_counts_until_the_window_has_passed(ledger, same, almost_made, later):
    made = await ledger.tasks.advance(await almost_made(), MADE)

    assert await taken_by(same()) == made.id
    await later(WINDOW - timedelta(seconds=5))
    assert await taken_by(same()) == made.id
    await later(timedelta(seconds=5))
    assert (await same()).id != made.id


async def test_without_a_window_the_end_is_the_end(ledger, same, almost_made):
    made = await ledger.tasks.advance(await almost_made(), MADE)

    assert (await same(window=timedelta(0))).id != made.id


async def test_a_second_that_ends_for_free_leaves_the_first_counting(ledger, same, almost_made):
    made = await ledger.tasks.advance(await almost_made(), MADE)
    second = await same(allow_duplicate=True)
    assert await taken_by(same()) == second.id, "the one that lives is named first"

    assert await ledger.tasks.cancel(second.id, "x")

    assert await taken_by(same()) == made.id


async def test_what_turns_out_not_created_after_its_end_is_free_again(ledger, sql, same, claimed):
    await same()
    task = await claimed(Spend.UNKNOWN)
    await ledger.tasks.advance(
        task, Move(State.FAILED, "worker", "test", failure=Failure(FailureKind.TIMED_OUT))
    )
    assert await taken_by(same()) == task.id

    await ledger.spends.settle(task, 1, Spend.NOT_CREATED, None)

    assert await sql.fetchval("SELECT count(*) FROM live_work") == 0
    await same()


async def test_work_of_long_ago_is_forgotten_and_what_lives_or_just_ended_is_not(
    ledger, sql, same, almost_made, later
):
    for prompt in ("old", "taken again"):
        await ledger.tasks.advance(await almost_made(prompt=prompt), MADE)
    await later(WINDOW)
    recent = await ledger.tasks.advance(await almost_made(prompt="recent"), MADE)
    alive = {(await same(prompt="taken again")).id, (await same(prompt="new")).id}

    assert await ledger.work.forget(WINDOW) == 1

    kept = {row["task_id"] for row in await sql.fetch("SELECT task_id FROM live_work")}
    assert kept == alive | {recent.id}


async def test_nobody_slips_in_while_a_result_is_recorded(ledger, same, almost_made):
    for turn in range(25):
        task = await almost_made(prompt=f"boat {turn}")
        asking = [same(prompt=f"boat {turn}") for _ in range(8)]
        ending = ledger.tasks.advance(task, MADE)
        made, *asked = await asyncio.gather(ending, *asking, return_exceptions=True)

        assert made.state is State.DOWNLOADED
        assert {(type(answer), getattr(answer, "task_id", None)) for answer in asked} == {
            (WorkTaken, task.id)
        }


async def test_while_work_ends_for_free_or_is_forgotten_one_takes_it_up(
    ledger, sql, same, almost_made, later
):
    for turn in range(25):
        wish = f"boat {turn}"
        if turn % 2:
            first = await same(prompt=wish)
            ending = ledger.tasks.cancel(first.id, "x")
        else:
            await ledger.tasks.advance(await almost_made(prompt=wish), MADE)
            await later(WINDOW)
            ending = ledger.work.forget(WINDOW)
        _, *asked = await asyncio.gather(
            ending, *(same(prompt=wish) for _ in range(8)), return_exceptions=True
        )
        asked += await asyncio.gather(same(prompt=wish), return_exceptions=True)

        begun = [answer for answer in asked if not isinstance(answer, Exception)]
        assert len(begun) == 1
        assert {type(answer) for answer in asked if isinstance(answer, Exception)} == {WorkTaken}
        assert await sql.fetchval("SELECT live FROM live_work WHERE task_id = $1", begun[0].id) == 1
        assert await ledger.tasks.cancel(begun[0].id, "x")


async def test_a_duplicate_that_is_allowed_says_of_which(ledger, same, almost_made, later):
    async def overridden(task):
        notes = await ledger.history.notes(task.id)
        return [note["detail"] for note in notes if note["reason"] == "duplicate_allowed"]

    made = await ledger.tasks.advance(await almost_made(), MADE)
    second = await same(allow_duplicate=True)
    third = await same(allow_duplicate=True)
    assert await ledger.tasks.cancel(third.id, "x")
    fourth = await same(allow_duplicate=True)

    assert await overridden(second) == [str(made.id)], "the one whose result is there"
    assert await overridden(third) == [str(second.id)]
    assert await overridden(fourth) == [str(second.id)], "the latest before it has ended for free"
    for task in (second, fourth):
        assert await ledger.tasks.cancel(task.id, "x")
    await later(WINDOW)
    assert await overridden(await same(allow_duplicate=True)) == [], "there was nothing to override"


async def test_duplicates_that_are_allowed_at_once_are_told_of_each_other(ledger, sql, same):
    tasks = await asyncio.gather(*(same(allow_duplicate=True) for _ in range(20)))

    notes = await sql.fetch("SELECT task_id, detail FROM task_note WHERE reason = 'duplicate_allowed'")
    assert len(notes) == 19, "all but the first"
    assert {note["detail"] for note in notes} <= {str(task.id) for task in tasks}
    assert all(str(note["task_id"]) != note["detail"] for note in notes)


async def test_a_guard_of_an_older_release_goes_on_and_is_forgotten(ledger, sql, same, claimed):
    await same(prompt="free")
    first = await claimed()
    # what a worker of the release before does at an end
    await sql.execute("UPDATE live_work SET live = live - 1 WHERE task_id = $1", first.id)

    assert await sql.fetchval("SELECT count(*) FROM live_work") == 0
