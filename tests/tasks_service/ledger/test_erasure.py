"""What a customer gave us becomes nothing, whole, once its task is over; facts and digests stay."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, Spend, State
from schemas.pictures import GivenPicture, Picture
from schemas.task import Artifact
from tasks_service.ledger.decisions import Said
from tasks_service.ledger.erasure import Hindrance
from tasks_service.ledger.history import Call
from tasks_service.ledger.spend import Intention
from tasks_service.ledger.tasks import Move

from .cheats import AFTER_ERASURE
from .conftest import HOUR, LEASE, new_task, whole_ledger

SECRET = "a kite for Ms Zhang"
SAID = Said("person:k1", "asked for by letter 7")
FAILURE = Failure(FailureKind.CONTENT_POLICY_INPUT, f"refused: {SECRET}", "E451", 400, "req-7")


def call_about(task, body=SECRET):
    return Call(uuid7(), "poll", 1, "r", "GET", "/", task.created_at, 1, 200, None, "up-1", b"d" * 32, body)


@pytest.fixture
def failed(ledger, caller):
    """A task that failed, with the secret in every place that can hold one."""

    async def bring(*pictures):
        new = new_task(
            caller, prompt=SECRET, metadata={"who": SECRET}, external_id=SECRET, options={"x": SECRET}
        )
        await ledger.tasks.open(replace(new, pictures=tuple(map(given, pictures))), caller.actor, str(new.id))
        claimed = await ledger.tasks.claim([State.SUBMITTED], 9, LEASE, whole=True)
        [task] = [one for one in claimed if one.id == new.id]
        await ledger.spends.intend(task)
        await ledger.spends.settle(task, 1, Spend.CONFIRMED, f"u-{task.id}")
        await ledger.history.record(task.id, [call_about(task)])
        await ledger.history.keep(
            task.id, [Artifact(0, f"{task.id}/0", "image/png", 9, "0" * 64, 1, 1, None)]
        )
        await ledger.history.add_note(task.id, uuid7(), "note", "worker", "late_failure", SECRET)
        move = Move(State.FAILED, "provider", "polled", detail=SECRET, failure=FAILURE)
        return await ledger.tasks.advance(task, move)

    return bring


def given(picture):
    return GivenPicture(
        "reference", f"file_{picture.sha256}", picture.type, 9, 1, 1, f"https://x.test/{SECRET}"
    )


async def erase(ledger, task, said=SAID):
    async with ledger.transaction() as inside:
        return await inside.erasure.erase(task.id, said)


async def all_that_is_known(sql):
    return str(await whole_ledger(sql)).lower()


async def test_nothing_of_it_is_left_anywhere(ledger, sql, failed):
    task = await failed(Picture("1" * 64, "image/png", 9, 1, 1))
    assert SECRET.lower() in await all_that_is_known(sql)

    assert await erase(ledger, task) == [f"{task.id}/0"]

    assert SECRET.lower() not in await all_that_is_known(sql)


@pytest.mark.parametrize("first", [True, False])
async def test_it_is_not_found_by_its_words_either(ledger, sql, failed, first):
    task = await failed()
    if first:
        assert await ledger.search.take_up(str) == 1
        assert SECRET.lower() in await all_that_is_known(sql)
    await erase(ledger, task)
    await ledger.search.take_up(str)

    assert SECRET.lower() not in await all_that_is_known(sql)


async def test_the_words_of_a_trouble_stay_while_another_task_has_it(ledger, sql, failed):
    first, second = await failed(), await failed()
    for task, left in ((first, True), (second, False)):
        await erase(ledger, task)
        assert bool(await sql.fetchval("SELECT words FROM failure_group")) is left
    with pytest.raises(asyncpg.RestrictViolationError, match="only erased"):
        await sql.execute("UPDATE failure_group SET words = 'other words'")


async def test_nobody_takes_the_words_of_a_trouble_that_was_not_erased(sql, failed):
    await failed()

    with pytest.raises(asyncpg.RestrictViolationError, match="only erased"):
        await sql.execute("UPDATE failure_group SET words = ''")


async def test_the_facts_stay(ledger, failed):
    task = await failed()
    events = [
        (row["to_state"], row["at"], row["actor"], row["cause"])
        for row in await ledger.history.events(task.id)
    ]
    [before] = await ledger.history.calls(task.id)

    await erase(ledger, task)

    now = await ledger.tasks.get(task.id)
    assert now.erased_at is not None
    assert (now.state, now.spend, now.upstream_id) == (State.FAILED, Spend.CONFIRMED, task.upstream_id)
    assert (now.request_sha256, now.finished_at) == (task.request_sha256, task.finished_at)
    assert (now.failure.kind, now.failure.code, now.failure.message) == (FAILURE.kind, "E451", "")
    assert now.request.model_dump(exclude_defaults=True) == {"model": task.request.model}
    assert events == [
        (row["to_state"], row["at"], row["actor"], row["cause"])
        for row in await ledger.history.events(task.id)
    ]
    [after] = await ledger.history.calls(task.id)
    assert dict(after) == dict(before) | {"body": None}
    assert [one.sha256 for one in await ledger.history.artifacts(task.id)] == ["0" * 64]
    note = (await ledger.history.notes(task.id))[-1]
    assert (note["type"], note["actor"], note["reason"], note["detail"]) == ("decision", *SAID_AS)


SAID_AS = (SAID.actor, "erase", SAID.reason)


async def test_once_is_enough(ledger, failed):
    task = await failed()

    first, second = await asyncio.gather(erase(ledger, task), erase(ledger, task))

    assert sorted([first, second]) == [[], [f"{task.id}/0"]]
    assert [note["reason"] for note in await ledger.history.notes(task.id)].count("erase") == 1


@pytest.mark.parametrize("state", [State.SUBMITTED, State.QUEUED, State.RUNNING, State.DONE])
async def test_what_is_not_over_is_left_alone(ledger, sql, brought_to, state):
    task = await brought_to(state)
    before = await all_that_is_known(sql)

    assert await erase(ledger, task) == Hindrance()

    assert await all_that_is_known(sql) == before


async def test_so_is_what_an_answer_may_still_come_for(ledger, opened):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE, whole=True)
    await ledger.spends.intend(task, Intention(timedelta(seconds=30), HOUR))
    await ledger.spends.settle(task, 1, Spend.UNKNOWN, None)
    await ledger.tasks.park(task, Parked.OUTCOME_UNKNOWN, HOUR, "worker", None)
    await ledger.decisions.close(await ledger.tasks.get(task.id), SAID, FailureKind.OUTCOME_UNKNOWN)

    hindrance = await erase(ledger, task)

    assert isinstance(hindrance, Hindrance)
    assert hindrance.not_before == (await ledger.spends.attempts(task))[0].answer_by


async def test_what_is_said_after_it_is_kept_without_its_words(ledger, failed):
    task = await failed()
    await erase(ledger, task)

    await ledger.history.record(task.id, [call_about(task)])

    assert [(row["status"], row["body"]) for row in await ledger.history.calls(task.id)] == [(200, None)] * 2


async def test_also_what_is_said_at_the_same_moment(ledger, failed):
    task = await failed()
    async with ledger.transaction() as erasing:
        await erasing.erasure.erase(task.id, SAID)
        late = asyncio.create_task(ledger.history.record(task.id, [call_about(task)]))
        # It has to wait, and sees how it ended.
        done, _ = await asyncio.wait([late], timeout=0.3)
        assert not done
    await late

    assert [row["body"] for row in await ledger.history.calls(task.id)] == [None, None]


async def test_nobody_looks_for_what_may_still_come_of_it(ledger, failed):
    task = await failed()
    await ledger.late.begin(task.id, timedelta(0))
    [look] = await ledger.late.claim(1, LEASE)

    await erase(ledger, task)

    assert not await ledger.late.finish(look)


async def test_an_image_goes_with_the_last_task_of_its_account(ledger, sql, caller, failed):
    mine, shared = Picture("1" * 64, "image/png", 9, 1, 1), Picture("2" * 64, "image/png", 9, 1, 1)
    for picture in (mine, shared):
        await ledger.reference_images.keep(caller.account_id, picture)
    one, other = await failed(mine, shared), await failed(shared)

    await erase(ledger, one)
    assert list(await ledger.reference_images.known(caller.account_id, ["1" * 64, "2" * 64])) == ["2" * 64]
    await erase(ledger, other)
    assert not await ledger.reference_images.known(caller.account_id, ["1" * 64, "2" * 64])

    keys = [
        row["key"] for row in await sql.fetch("SELECT key FROM unwanted_file WHERE key LIKE 'references/%'")
    ]
    assert sorted(keys) == [f"references/{'1' * 64}", f"references/{'2' * 64}"]


async def test_the_bytes_of_an_image_stay_where_another_account_has_them(ledger, sql, caller, failed):
    picture = Picture("1" * 64, "image/png", 9, 1, 1)
    await ledger.reference_images.keep(caller.account_id, picture)
    other = await ledger.keys.find(await ledger.keys.new("globex"))
    await ledger.reference_images.keep(other.account_id, picture)
    task = await failed(picture)

    await erase(ledger, task)
    await sql.execute("UPDATE unwanted_file SET due_at = now()")

    assert await ledger.retention.unwanted(9) == [f"{task.id}/0"]
    assert list(await ledger.reference_images.known(other.account_id, ["1" * 64])) == ["1" * 64]


@pytest.mark.parametrize("cheat", AFTER_ERASURE)
async def test_an_erasure_is_final_and_excuses_nothing_else(ledger, sql, failed, cheat):
    task = await failed()
    await erase(ledger, task)
    before = await all_that_is_known(sql)

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await sql.execute(AFTER_ERASURE[cheat], task.id)

    assert await all_that_is_known(sql) == before
