"""The words of tasks: taken up once, without secrets, found by their pieces, and never missed meanwhile."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from schemas.redaction import Redactor
from tasks_service import search as box
from tasks_service.ledger.filters import Filters
from tasks_service.ledger.tasks import Move
from tasks_service.search import search
from tests.tasks_service.ledger.conftest import LEASE, new_task

redact = Redactor()


async def found(ledger, text, limit=50, **filters):
    return [task.id for task in (await search(ledger, text, Filters(**filters), None, limit)).tasks]


async def test_words_are_taken_up_once_and_without_secrets(ledger, opened, sql):
    key = "sk-abcdefghijklmnopqrstuv"
    task = await opened(prompt=f"A Boat with {key} on it")

    assert [await ledger.search.take_up(redact) for _ in range(2)] == [1, 0]

    [row] = await sql.fetch("SELECT task_id, part::text, words FROM task_words")
    assert tuple(row) == (task.id, "a", "a boat with [redacted] on it")


async def test_of_two_who_take_up_at_once_nothing_is_done_twice(ledger, opened, sql):
    for _ in range(5):
        await opened()

    taken = await asyncio.gather(*(ledger.search.take_up(redact) for _ in range(4)))

    assert sum(taken) == await sql.fetchval("SELECT count(*) FROM task_words") == 5


async def test_a_task_whose_id_is_older_than_what_was_taken_up_is_not_forgotten(ledger, caller, opened):
    await opened()
    await ledger.search.take_up(redact)
    half_an_hour_ago = int((datetime.now(UTC) - timedelta(minutes=30)).timestamp() * 1000)
    late = replace(new_task(caller, prompt="late boat"), id=UUID(int=half_an_hour_ago << 80 | 7 << 76))
    await ledger.tasks.open(late, caller.actor, None)

    assert await ledger.search.take_up(redact) == 1


async def test_the_words_of_a_failure_are_there_with_the_failure(ledger, opened, sql):
    await opened()
    [task] = await ledger.tasks.claim([State.SUBMITTED], 1, LEASE)
    failure = Failure(FailureKind.UPSTREAM_INTERNAL, "Kaputt: 出错了", "E_500")

    await ledger.tasks.advance(task, Move(State.FAILED, "provider", "said", failure=failure))

    assert await sql.fetchval("SELECT words FROM task_words WHERE part = 'f'") == "e_500 kaputt: 出错了"


async def test_a_failure_without_words_leaves_none(ledger, brought_to, sql):
    await brought_to(State.FAILED)

    assert await sql.fetchval("SELECT count(*) FROM task_words") == 0


@pytest.mark.parametrize("taken_up", [True, False])
async def test_words_are_found_below_the_newest_whether_taken_up_or_not(
    ledger, opened, monkeypatch, taken_up
):
    monkeypatch.setattr(box, "_NEWEST", 1)
    tasks = [await opened(prompt=f"{words} {n}") for n in range(3) for words in ("paper boat", "纸船")]
    if taken_up:
        await ledger.search.take_up(redact)
    newest_first = [task.id for task in reversed(tasks)]

    assert await found(ledger, "boat") == newest_first[1::2]
    assert await found(ledger, "纸船") == newest_first[0::2]
    assert await found(ledger, "纸船", limit=2) == newest_first[0:4:2]
    assert await found(ledger, "paper 纸船") == []


async def test_filters_narrow_what_the_index_finds_however_much_that_is(ledger, opened, monkeypatch):
    monkeypatch.setattr(box, "_NEWEST", 1)
    monkeypatch.setattr(box, "_AT_ONCE", 2)
    tasks = [await opened(prompt=f"boat {n}", external_id=f"order-{n % 2}") for n in range(9)]
    await ledger.search.take_up(redact)

    assert await found(ledger, "boat", external_id="order-0") == [task.id for task in tasks[::-2]]
    assert await found(ledger, "boat", external_id="order-0", limit=3) == [task.id for task in tasks[:2:-2]]


async def test_the_same_pieces_in_another_order_are_not_the_word(ledger, opened, sql, monkeypatch):
    monkeypatch.setattr(box, "_NEWEST", 1)
    assert await sql.fetchval("SELECT grams('boa oat') @> grams('boat')") is True
    await opened(prompt="boa oat")
    await opened()
    await ledger.search.take_up(redact)

    assert await found(ledger, "boat") == []


async def test_a_new_month_has_a_place_for_its_words(sql):
    assert await sql.fetchval("SELECT make_month('2031-05-20')")
    assert await sql.fetchval("SELECT to_regclass('task_words_2031_05')") is not None


@pytest.mark.parametrize(
    ("words", "pieces"),
    [("boat", 2), ("bo", 0), ("纸船", 1), ("船", 0), ("a b c d", 0), ("4k纸船", 1), ("пароход", 5), ("", 0)],
)
async def test_pieces_are_two_of_chinese_and_three_of_the_rest(ledger, words, pieces):
    assert len(await ledger.search.pieces([words])) == pieces


async def test_pieces_do_not_run_from_one_word_into_the_next(ledger):
    assert await ledger.search.pieces(["ab", "cd"]) == []
