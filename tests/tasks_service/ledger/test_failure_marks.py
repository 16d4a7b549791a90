"""What people say of a group of failures, and what the next failure makes of that."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from schemas.failure_groups import GroupState
from schemas.lifecycle import Spend
from schemas.task import Artifact

from .conftest import HOUR
from .person import SAID
from .test_failure_groups import all_groups


async def say(ledger, key, state, until=None):
    group = await ledger.failures.get(key, None)
    assert await ledger.failures.say(group, state, SAID, until)
    return await ledger.failures.get(key, None)


async def test_a_failure_reopens_what_was_resolved(ledger, failing):
    key = (await failing()).failure_group

    assert (await say(ledger, key, GroupState.RESOLVED)).state is GroupState.RESOLVED
    await failing(1)

    assert (await ledger.failures.get(key, None)).state is GroupState.REOPENED
    assert (await say(ledger, key, GroupState.RESOLVED)).state is GroupState.RESOLVED
    said = [(row["from_state"], row["to_state"], row["n"]) for row in await ledger.failures.changes(key)]
    assert said == [("reopened", "resolved", 2), ("new", "resolved", 1)]


async def test_what_is_known_stays_known(ledger, failing):
    key = (await failing()).failure_group
    await say(ledger, key, GroupState.KNOWN)

    await failing(1)

    assert (await ledger.failures.get(key, None)).state is GroupState.KNOWN


async def test_what_is_muted_is_quiet_until_its_time(ledger, sql, failing):
    key = (await failing()).failure_group
    await say(ledger, key, GroupState.MUTED, datetime.now(UTC) + HOUR)
    await failing(1)
    assert (await ledger.failures.get(key, None)).state is GroupState.MUTED

    # Its time passes.
    moment = await sql.fetchval("SELECT clock_timestamp()")
    await say(ledger, key, GroupState.MUTED, moment)
    assert (await ledger.failures.get(key, None)).state is GroupState.KNOWN
    await failing(2)

    assert (await ledger.failures.get(key, None)).state is GroupState.REOPENED
    assert [group.key for group in await all_groups(ledger, states=["reopened"])] == [key]


async def test_of_two_persons_one_is_heard_and_the_other_is_told(ledger, failing):
    group = await ledger.failures.get((await failing()).failure_group, None)

    said = await asyncio.gather(
        ledger.failures.say(group, GroupState.KNOWN, SAID, None),
        ledger.failures.say(group, GroupState.RESOLVED, SAID, None),
    )

    assert sorted(said) == [False, True]
    assert len(await ledger.failures.changes(group.key)) == 1


async def test_a_failing_task_waits_for_no_person(ledger, failing):
    group = await ledger.failures.get((await failing()).failure_group, None)
    for number in range(3):
        await asyncio.gather(
            failing(number), ledger.failures.say(group, GroupState.MUTED, SAID, datetime.now(UTC) + HOUR)
        )
        group = await ledger.failures.get(group.key, None)

    assert (group.cases, group.changes) == (4, 3)


CHEATS = {
    "rename a group": "UPDATE failure_group SET key = 'v1:00000000000000000000'",
    "reword a group": "UPDATE failure_group SET words = 'x'",
    "delete a group": "DELETE FROM failure_group",
    "resolve without a word": "UPDATE failure_group SET said = 'resolved', said_at = now()",
    "resolve without a reason": "UPDATE failure_group SET said = 'resolved', said_at = now(), changes = changes + 1",
    "mute for ever": """
        UPDATE failure_group SET said = 'muted', muted_until = 'infinity', said_at = now(), changes = changes + 1""",
    "edit what was said": "UPDATE failure_group_change SET reason = 'x'",
    "forget what was said": "DELETE FROM failure_group_change",
    "forget a case": "DELETE FROM failure_case",
    "give a case to another": "UPDATE failure_case SET account_id = account_id",
    "say it failed at another time": "UPDATE failure_case SET failed_at = now()",
    "say it did not come late": "UPDATE failure_case SET came_late = false",
    "put a task into another group": "UPDATE task SET failure_group = NULL",
    "empty the groups": "TRUNCATE failure_group CASCADE",
    "empty the changes": "TRUNCATE failure_group_change CASCADE",
    "empty the cases": "TRUNCATE failure_case",
}


@pytest.mark.parametrize("cheat", CHEATS)
async def test_a_cheat_is_refused(ledger, sql, failing, cheat):
    task = await failing(spend=Spend.UNKNOWN)
    await say(ledger, task.failure_group, GroupState.KNOWN)
    await ledger.history.keep(task.id, [Artifact(0, "k", "image/png", 9, "0" * 64, 1, 1, None)])

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with sql.transaction():
            await sql.execute(CHEATS[cheat])
