"""Those who ask at the same time get in together, and each is answered as if it had come alone."""

import asyncio
from collections import Counter
from dataclasses import replace

import asyncpg
import pytest

from schemas.lifecycle import State
from tasks_service.ledger.ledger import Ledger
from tasks_service.ledger.opening import KeyTaken, Opening, WorkTaken

from .conftest import new_task


@pytest.fixture
def statements(monkeypatch):
    """How many wishes each statement held."""
    sizes = []
    ask = Opening._ask

    async def counted(self, batch, patience):
        sizes.append(len(batch))
        return await ask(self, batch, patience)

    monkeypatch.setattr(Opening, "_ask", counted)
    return sizes


async def test_sixty_at_once_take_a_few_statements_and_one_alone_takes_one(ledger, caller, statements):
    news = [new_task(caller, prompt=str(n)) for n in range(60)]
    opened = await asyncio.gather(
        *(ledger.tasks.open(new, caller.actor, f"k{n}") for n, new in enumerate(news))
    )
    assert [task.id for task in opened] == [new.id for new in news]
    assert len(statements) < 6

    statements.clear()
    await ledger.tasks.open(new_task(caller, prompt="alone"), caller.actor, None)
    assert statements == [1]


async def test_what_is_answered_is_what_is_read_back(ledger, caller):
    wish = {
        "duration_s": 5.0,
        "external_id": "x",
        "metadata": {"a": 'b"\\{}'},
        "options": {"k": [1, {"d": None}]},
    }
    new = new_task(caller, prompt='one, "two" {three} \\ 雨', **wish)
    new = replace(new, checked=('a "b" {c}, \\d', ""), not_checked=("雨",), catalogue="c", endpoint="video")

    opened = await ledger.tasks.open(new, caller.actor, "key")

    assert opened == await ledger.tasks.get(new.id)


async def test_of_those_that_are_alike_in_one_statement_one_gets_in(ledger, caller, statements):
    first = asyncio.create_task(ledger.tasks.open(new_task(caller, prompt="other"), caller.actor, None))
    await asyncio.sleep(0)

    async def ask(prompt, key, **more):
        try:
            await ledger.tasks.open(new_task(caller, prompt=prompt, **more), caller.actor, key)
        except (KeyTaken, WorkTaken) as taken:
            return type(taken).__name__
        return "opened"

    told = await asyncio.gather(
        *(ask("same work", f"k{n}") for n in range(20)),
        *(ask(f"work {n}", "same key") for n in range(20)),
        *(ask("allowed", None, allow_duplicate=True) for n in range(5)),
    )
    await first

    assert Counter(told[:20]) == {"opened": 1, "WorkTaken": 19}
    assert Counter(told[20:40]) == {"opened": 1, "KeyTaken": 19}
    assert told[40:] == ["opened"] * 5
    assert max(statements) > 20, "they were asked about together"


async def test_a_key_names_its_task_even_where_its_work_is_taken_too(ledger, caller):
    first = await ledger.tasks.open(new_task(caller, prompt="one"), caller.actor, "key")
    other = await ledger.tasks.open(new_task(caller, prompt="two"), caller.actor, None)

    with pytest.raises(KeyTaken) as taken:
        await ledger.tasks.open(new_task(caller, prompt="two"), caller.actor, "key")
    assert taken.value.task_id == first.id
    with pytest.raises(WorkTaken) as work:
        await ledger.tasks.open(new_task(caller, prompt="two"), caller.actor, "fresh")
    assert work.value.task_id == other.id


async def test_one_that_cannot_be_written_is_refused_alone(ledger, caller, statements):
    """Nobody else of its statement notices."""
    blocker = asyncio.create_task(ledger.tasks.open(new_task(caller, prompt="first"), caller.actor, None))
    await asyncio.sleep(0)
    wrong = replace(new_task(caller, prompt="wrong"), account_id=caller.account_id + 1000)
    asking = [new_task(caller, prompt=str(n)) for n in range(8)]
    told = await asyncio.gather(
        *(ledger.tasks.open(new, caller.actor, None) for new in (*asking[:4], wrong, *asking[4:])),
        return_exceptions=True,
    )
    await blocker

    refused = told.pop(4)
    assert isinstance(refused, asyncpg.ForeignKeyViolationError)
    assert [task.id for task in told] == [new.id for new in asking]
    assert max(statements) == 9


async def test_one_that_waits_for_a_lock_holds_up_nobody_else(ledger, caller, sql):
    async with asyncio.timeout(20):
        holding = sql.transaction()
        await holding.start()
        await sql.execute(
            "INSERT INTO idempotency_key VALUES ($1, 'held', gen_random_uuid())", caller.account_id
        )
        held = asyncio.create_task(ledger.tasks.open(new_task(caller, prompt="held"), caller.actor, "held"))
        others = [
            asyncio.create_task(ledger.tasks.open(new_task(caller, prompt=str(n)), caller.actor, str(n)))
            for n in range(8)
        ]
        await asyncio.gather(*others)
        later = await ledger.tasks.open(new_task(caller, prompt="later"), caller.actor, "later")
        assert later.state is State.SUBMITTED
        assert not held.done()
        await holding.rollback()
        assert (await held).state is State.SUBMITTED


async def test_two_processes_that_take_the_same_in_opposite_order_do_not_wait_for_each_other(
    dsn, ledger, caller
):
    other = await Ledger.connect(dsn)
    outcomes = Counter()
    try:
        for turn in range(10):
            wishes = [(f"work {turn} {n}", f"key {turn} {n}") for n in range(12)]
            crossed = [(prompt, key) for (prompt, _), (_, key) in zip(wishes, reversed(wishes), strict=True)]
            asked = [
                one.tasks.open(new_task(caller, prompt=prompt), caller.actor, key)
                for one, some in ((ledger, wishes), (other, list(reversed(crossed))))
                for prompt, key in some
            ]
            told = await asyncio.gather(*asked, return_exceptions=True)
            outcomes.update(type(one).__name__ for one in told)
    finally:
        await other.close()

    assert set(outcomes) <= {"Task", "KeyTaken", "WorkTaken"}
    assert outcomes["Task"] >= 120


async def test_whoever_leaves_before_the_statement_has_asked_for_nothing(ledger, caller, sql):
    first = asyncio.create_task(ledger.tasks.open(new_task(caller, prompt="first"), caller.actor, None))
    await asyncio.sleep(0)
    leaving = asyncio.create_task(ledger.tasks.open(new_task(caller, prompt="left"), caller.actor, None))
    await asyncio.sleep(0)
    leaving.cancel()
    await first
    await ledger.tasks.open(new_task(caller, prompt="last"), caller.actor, None)

    prompts = [row["prompt"] for row in await sql.fetch("SELECT request->>'prompt' AS prompt FROM task")]
    assert sorted(prompts) == ["first", "last"]


# What the guards at the end of a transaction see of its settings, written down by one more of their kind.
WITNESS = """
CREATE TABLE seen (patience text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen VALUES (current_setting('lock_timeout'));
    RETURN NULL;
END $$;
DO $$ DECLARE month regclass; BEGIN
    FOR month IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'task_event'::regclass LOOP
        EXECUTE format('CREATE CONSTRAINT TRIGGER witness AFTER INSERT ON %s
                        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see()', month);
    END LOOP;
END $$
"""


async def test_the_guards_at_the_end_have_the_same_patience_and_whoever_comes_next_sees_nothing_of_it(
    dsn, caller, sql
):
    await sql.execute(WITNESS)
    ledger = await Ledger.connect(dsn, size=1)
    try:
        await ledger.tasks.open(new_task(caller, prompt="one"), caller.actor, None)
        left = [
            await ledger.tasks._database._executor.fetchval(f"SHOW {name}")
            for name in ("lock_timeout", "plan_cache_mode")
        ]
    finally:
        await ledger.close()

    assert [row["patience"] for row in await sql.fetch("SELECT patience FROM seen")] == ["250ms"]
    assert left == ["0", "auto"]


async def test_functions_that_look_through_all_months_on_the_way_of_a_submission_keep_their_plans(sql):
    kept = await sql.fetch(
        "SELECT proname FROM pg_proc WHERE 'plan_cache_mode=force_generic_plan' = ANY(proconfig) ORDER BY proname"
    )
    assert [row["proname"] for row in kept] == ["alive_among_equals", "refuse_idle_event"]
