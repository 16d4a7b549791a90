"""Failures of the same trouble are one group, counted exactly, and nobody waits to be counted."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from schemas.failure_groups import GroupState, trouble_of
from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Artifact
from tasks_service.ledger.failures import Charged, GroupFilters
from tasks_service.ledger.tasks import Move

from .conftest import LEASE, REFUSED, new_task
from .person import SAID


async def all_groups(ledger, **filters):
    groups, more = await ledger.failures.page(GroupFilters(**filters), None, 200)
    assert more is None
    return groups


async def test_a_move_that_fails_makes_the_group_and_names_it(ledger, sql, failing):
    task = await failing(7)

    trouble = trouble_of("sandbox", State.SUBMITTED, task.failure)
    assert task.failure_group == trouble.key == (await ledger.tasks.get(task.id)).failure_group
    row = await sql.fetchrow("SELECT * FROM failure_group")
    assert (row["key"], row["provider"], row["phase"], row["kind"], row["status_class"], row["code"]) == (
        trouble.key, "sandbox", "submit", "content_policy_input", "4xx", "E451",
    )  # fmt: skip
    assert row["words"] == "no {quoted}, job {#}"


async def test_the_same_trouble_is_one_group_and_another_code_is_another(ledger, failing):
    tasks = [await failing(number) for number in range(5)]
    other = await failing(5, code="E452")

    second, first = await all_groups(ledger)

    assert (first.key, first.cases, first.state) == (tasks[0].failure_group, 5, GroupState.NEW)
    assert (second.key, second.cases, second.code) == (other.failure_group, 1, "E452")
    assert first.first_at < first.last_at < second.last_at
    cases = await ledger.failures.cases(first.key, None, None, 10)
    assert [case.id for case in cases] == [task.id for task in reversed(tasks)]
    assert cases[0].failure == tasks[-1].failure


async def test_what_it_cost_is_counted_as_each_case_says(ledger, failing):
    for spend in (Spend.NOT_CREATED, Spend.NOT_CREATED, Spend.CONFIRMED, Spend.UNKNOWN):
        task = await failing(spend=spend, kind=FailureKind.ARTIFACT_LOST)

    group = await ledger.failures.get(task.failure_group, None)

    assert group.charged == Charged(yes=1, no=2, unknown=1)
    spent = [case.spent for case in await ledger.failures.cases(group.key, None, None, 10)]
    assert spent == ["unknown", "yes", "no", "no"]


async def test_what_is_learnt_after_the_end_is_counted_too(ledger, failing):
    settled, late = [await failing(spend=Spend.UNKNOWN, kind=FailureKind.OUTCOME_UNKNOWN) for _ in range(2)]
    await ledger.spends.settle(settled, 1, Spend.NOT_CREATED, None)
    files = [Artifact(n, f"k{n}", "image/png", 9, "0" * 64, 1, 1, None) for n in range(2)]
    await ledger.history.keep(late.id, files)

    group = await ledger.failures.get(late.failure_group, None)

    assert group.charged == Charged(yes=1, no=1, unknown=0)
    spent = {case.id: case.spent for case in await ledger.failures.cases(group.key, None, None, 10)}
    assert spent == {late.id: "yes", settled.id: "no"}


async def test_a_person_who_closes_a_task_makes_a_case_of_it(ledger, parked_at):
    task = await parked_at(State.DONE, Parked.ARTIFACT_AT_RISK)

    assert await ledger.decisions.close(task, SAID, FailureKind.ARTIFACT_LOST)

    [group] = await all_groups(ledger)
    assert (group.kind, group.phase, group.words, group.cases) == ("artifact_lost", "download", "", 1)
    closed = await ledger.tasks.get(task.id)
    assert closed.failure_group == group.key
    # Its upstream had finished it before; it failed now.
    assert group.last_at >= closed.finished_at


async def test_whose_end_was_asked_for_is_in_no_group(ledger, sql, opened):
    early, late = await opened(), await opened()
    assert await ledger.tasks.cancel(early.id, "x")
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    move = Move(State.FAILED, "worker", "canceled", failure=Failure(FailureKind.CANCELED))
    await ledger.tasks.advance(task, move)

    assert task.id == late.id
    assert await all_groups(ledger) == []
    assert await sql.fetchval("SELECT count(*) FROM failure_case") == 0


async def test_who_loses_the_move_makes_no_case(ledger, failing, sql):
    task = await failing()
    stale = replace(task, seq=task.seq - 1, state=State.SUBMITTED)

    with pytest.raises(Exception, match=str(task.id)):
        await ledger.tasks.advance(
            stale, Move(State.FAILED, "x", "x", failure=replace(REFUSED, code="other"))
        )

    assert await sql.fetchval("SELECT count(*) FROM failure_group") == 1
    assert await sql.fetchval("SELECT count(*) FROM failure_case") == 1


async def test_many_that_fail_at_once_are_counted_exactly(ledger, sql, caller):
    # All of the same work, so that they meet at one row of its guard too.
    for _ in range(60):
        new = new_task(caller, prompt="same", allow_duplicate=True)
        await ledger.tasks.open(new, caller.actor, None)
    tasks = await ledger.tasks.claim([State.SUBMITTED], 100, LEASE)

    async def fail(number, task):
        failure = replace(REFUSED, message=f"no kites, job {number}", code=f"E{number % 3}")
        await ledger.tasks.advance(task, Move(State.FAILED, "provider", "refused", failure=failure))

    await asyncio.gather(*(fail(number, task) for number, task in enumerate(tasks)))

    groups = await all_groups(ledger)
    assert sorted((group.code, group.cases) for group in groups) == [("E0", 20), ("E1", 20), ("E2", 20)]
    assert await sql.fetchval("SELECT count(*) FROM task t JOIN failure_case c ON c.task_id = t.id "
                              "AND c.group_key = t.failure_group") == 60  # fmt: skip


async def test_nobody_waits_for_another_who_fails_of_the_same(ledger, failing, opened):
    await failing()
    await opened()
    await opened()
    one, other = await ledger.tasks.claim([State.SUBMITTED], 2, LEASE)
    move = Move(
        State.FAILED, "provider", "refused", failure=replace(REFUSED, message="no 'red kites', job 9")
    )

    async with ledger.transaction() as slow:
        await slow.tasks.advance(one, move)
        # It would wait for ever: the first does not commit before this is done.
        await asyncio.wait_for(ledger.tasks.advance(other, move), 60)

    assert [group.cases for group in await all_groups(ledger)] == [3]


async def test_pages_neither_skip_nor_repeat_while_tasks_fail(ledger, failing):
    keys = [(await failing(code=f"E{number}")).failure_group for number in range(7)]
    seen, below = [], None
    while True:
        groups, below = await ledger.failures.page(GroupFilters(), below, 3)
        seen += [group.key for group in groups]
        # One that was seen and one that was not fail again, and there is a new one.
        await failing(code="E6")
        await failing(code="E0")
        await failing(code=f"N{len(seen)}")
        if below is None:
            break

    assert seen == list(reversed(keys))


async def test_an_account_sees_its_own_cases_only(ledger, failing, caller):
    mine = await failing()
    other = await ledger.keys.find(await ledger.keys.new("globex"))
    new = replace(new_task(other, prompt="theirs"), route="their-route")
    await ledger.tasks.open(new, other.actor, None)
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    theirs = await ledger.tasks.advance(task, Move(State.FAILED, "x", "refused", failure=mine.failure))
    assert theirs.failure_group == mine.failure_group

    whole = await ledger.failures.get(mine.failure_group, None)
    part = await ledger.failures.get(mine.failure_group, caller.account_id)

    assert (whole.cases, whole.accounts, whole.routes) == (2, 2, ("sandbox", "their-route"))
    assert (part.cases, part.accounts, part.routes) == (1, 1, ("sandbox",))
    assert part.last_at == part.first_at < whole.last_at
    assert [c.id for c in await ledger.failures.cases(part.key, caller.account_id, None, 9)] == [mine.id]
    assert [g.cases for g in await all_groups(ledger, account_id=caller.account_id)] == [1]
    assert await ledger.failures.get(mine.failure_group, caller.account_id + 1000) is None


async def test_filters_narrow(ledger, failing):
    old = await failing()
    new = await failing(kind=FailureKind.QUOTA_EXHAUSTED)
    last = (await ledger.failures.get(new.failure_group, None)).last_at
    found = {
        "kind": await all_groups(ledger, kind="quota_exhausted"),
        "since": await all_groups(ledger, since=last),
        "since never": await all_groups(ledger, since=last + timedelta(microseconds=1)),
        "provider": await all_groups(ledger, provider="kling"),
        "state": await all_groups(ledger, states=["known", "resolved"]),
        "all": await all_groups(ledger, states=["new"], provider="sandbox"),
    }

    assert {name: [group.key for group in groups] for name, groups in found.items()} == {
        "kind": [new.failure_group],
        "since": [new.failure_group],
        "since never": [],
        "provider": [],
        "state": [],
        "all": [new.failure_group, old.failure_group],
    }


async def test_a_live_task_is_no_case(sql, opened):
    await opened()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await sql.execute("UPDATE task SET failure_group = $1", f"v1:{uuid7().hex[:20]}")
