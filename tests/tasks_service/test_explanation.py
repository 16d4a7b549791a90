"""The plain words: complete in both languages, and never an invitation to pay twice."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.capabilities import Kind
from schemas.failures import Answer, Failure, FailureKind, Mover, was_spent
from schemas.lifecycle import Parked, Spend, State
from schemas.task import Task, TaskRequest
from tasks_service.decisions import Decision
from tasks_service.explanation import Language, explain, last_words
from tasks_service.words import EN, ZH, Words

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
TASK = Task(
    id=UUID(int=1),
    account_id=1,
    account="acme",
    key_id="k",
    state=State.SUBMITTED,
    seq=1,
    claim=1,
    due_at=NOW + timedelta(seconds=5),
    model="sandbox-image-1",
    kind=Kind.IMAGE,
    provider="sandbox",
    route="sandbox",
    endpoint="",
    request=TaskRequest(model="sandbox-image-1", prompt="x"),
    request_sha256=b"",
    checked=(),
    not_checked=(),
    spend=Spend.NONE,
    attempt=0,
    upstream_id=None,
    progress=None,
    parked=None,
    parked_at=None,
    cancel_requested_at=None,
    failure=None,
    external_id=None,
    duplicate_allowed=False,
    created_at=NOW - timedelta(hours=3, minutes=2),
    queued_at=None,
    running_at=None,
    finished_at=None,
    downloaded_at=None,
)


def answers(
    task: Task,
    language: Language = Language.EN,
    said: str = "",
    files: int = 0,
    notes: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    return [point.answer for point in explain(task, files, said, NOW, language, notes)]


def failed(kind: FailureKind, spend: Spend) -> Task:
    return replace(TASK, state=State.FAILED, due_at=None, spend=spend, failure=Failure(kind), finished_at=NOW)


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_every_word_of_the_vocabularies_is_spoken(words: Words):
    assert set(words.parked) == set(Parked)
    assert set(words.movers) == set(Mover)
    assert {state.value for state in State} <= set(words.states)
    spoken = {state.value for state in State if not state.final} | {
        *Parked,
        "asking",
        "over",
        "late",
        "fetch",
    }
    assert spoken == set(words.next)
    assert set(Decision) == set(words.decisions)
    assert {answer.value for answer in Answer} | {"accepted", "accepted_free"} == set(words.spent)


def test_both_languages_say_the_same_things():
    for field in fields(Words):
        english, chinese = getattr(EN, field.name), getattr(ZH, field.name)
        if isinstance(english, str):
            english, chinese = {field.name: english}, {field.name: chinese}
        assert english.keys() == chinese.keys(), field.name
        for name in english:
            # A Chinese sentence may leave a number out that the English one needs, but never invent one.
            assert _names(chinese[name]) <= _names(english[name]) | {"at"}, (field.name, name)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("spend", Spend)
@pytest.mark.parametrize("state", State)
def test_every_task_can_be_explained(state: State, spend: Spend, language: Language):
    for parked in (None, *Parked):
        task = replace(TASK, state=state, spend=spend, parked=parked, parked_at=parked and NOW)
        if state is State.FAILED:
            task = replace(task, failure=Failure(FailureKind.UNKNOWN, "words"))
        told = answers(task, language)
        assert all(told)
        assert not any("{" in answer for answer in told)


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("spend", Spend)
def test_sending_again_is_never_advised_where_money_may_be_spent(kind: FailureKind, spend: Spend):
    told = answers(failed(kind, spend))

    advised = EN.send_again["yes"] in told or EN.send_again["after_a_change"] in told
    assert not (advised and was_spent(kind, spend) is not Answer.NO)


@pytest.mark.parametrize("kind", FailureKind)
def test_nobody_says_of_accepted_work_that_nothing_was_created_or_that_it_is_safe_to_repeat(
    kind: FailureKind,
):
    told = answers(failed(kind, Spend.CONFIRMED))

    assert EN.spent["no"] not in told
    assert EN.send_again["yes"] not in told
    assert (EN.spent["accepted_free"] in told) is (was_spent(kind, Spend.CONFIRMED) is Answer.NO)


def test_work_that_was_called_off_before_it_was_sent_may_be_submitted_again():
    assert EN.send_again["yes"] in answers(failed(FailureKind.CANCELED, Spend.NONE))
    assert EN.send_again["as_new_work"] in answers(failed(FailureKind.CANCELED, Spend.CONFIRMED))


@pytest.mark.parametrize("kind", [FailureKind.RATE_LIMITED, FailureKind.UPSTREAM_OVERLOADED])
def test_where_there_was_no_room_nothing_has_to_be_put_right(kind: FailureKind):
    assert EN.send_again["when_there_is_room"] in answers(failed(kind, Spend.CONFIRMED))
    assert EN.send_again["after_a_repair"] not in answers(failed(kind, Spend.CONFIRMED))


def test_a_task_that_may_have_arrived_is_not_to_be_sent_again_yet():
    task = replace(TASK, spend=Spend.UNKNOWN, parked=Parked.OUTCOME_UNKNOWN, parked_at=NOW)

    assert EN.send_again["not_before_it_is_settled"] in answers(task)
    assert EN.spent["unknown"] in answers(task)
    assert EN.movers[Mover.OPERATOR] in answers(task)


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
def test_a_waiting_task_is_told_since_when_and_promised_nothing(state: State):
    task = replace(
        TASK, state=state, spend=Spend.CONFIRMED, queued_at=TASK.created_at, running_at=TASK.created_at
    )

    told = " ".join(answers(task))
    assert "since 2026-11-21 08:58:00 UTC, for 3 h 2 min so far" in told
    assert "only the provider knows" in told


def test_the_upstream_s_own_words_are_quoted_whole():
    failure = Failure(FailureKind.UNKNOWN, "奇怪 error 42", "E42", 418, "req_9")

    [said] = [
        answer
        for answer in answers(replace(failed(FailureKind.UNKNOWN, Spend.NOT_CREATED), failure=failure))
        if "42" in answer
    ]
    assert said == "“奇怪 error 42” (status 418, code E42, request req_9)"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"status": 200, "trouble": None, "body": "{}"}, ""),
        ({"status": 502, "trouble": None, "body": "<html>\n oops"}, "502: <html> oops"),
        ({"status": None, "trouble": "Timeout", "body": None}, "Timeout"),
    ],
)
def test_the_last_exchange_speaks_only_where_it_went_wrong(call: dict[str, object], words: str):
    assert last_words([call]) == words
    assert last_words([]) == ""


@pytest.mark.parametrize(("language", "words"), [(Language.EN, EN), (Language.ZH, ZH)])
def test_an_outcome_that_is_looked_up_says_so_and_needs_nobody(language: Language, words: Words):
    told = answers(replace(TASK, spend=Spend.UNKNOWN), language)

    assert words.next["asking"].format(due="2026-11-21 12:00:05 UTC") in told
    assert words.movers[Mover.NOBODY] in told
    assert words.send_again["not_before_it_is_settled"] in told


@pytest.mark.parametrize(
    ("why", "state"),
    [(Parked.STALLED, State.RUNNING), (Parked.ARTIFACT_AT_RISK, State.DONE)],
)
@pytest.mark.parametrize(("language", "words"), [(Language.EN, EN), (Language.ZH, ZH)])
def test_a_parked_task_says_why_and_who_is_next(why: Parked, state: State, language: Language, words: Words):
    parked = replace(
        TASK, state=state, spend=Spend.CONFIRMED, upstream_id="u", parked=why, parked_at=NOW, finished_at=NOW
    )

    told = answers(parked, language)

    assert words.parked[why].format(at="2026-11-21 12:00:00 UTC") in told[0]
    assert words.next[why] in told
    assert words.movers[Mover.OPERATOR] in told


@pytest.mark.parametrize(
    ("kind", "upstream_id", "next_"),
    [
        (FailureKind.TIMED_OUT, "u", "late"),
        (FailureKind.ARTIFACT_LOST, "u", "late"),
        (FailureKind.OUTCOME_UNKNOWN, "u", "late"),
        (FailureKind.OUTCOME_UNKNOWN, None, "over"),
        (FailureKind.UPSTREAM_INTERNAL, "u", "over"),
    ],
)
@pytest.mark.parametrize(("language", "words"), [(Language.EN, EN), (Language.ZH, ZH)])
def test_a_task_that_we_gave_up_may_still_bring_a_result(
    kind: FailureKind, upstream_id: str | None, next_: str, language: Language, words: Words
):
    task = replace(failed(kind, Spend.CONFIRMED), upstream_id=upstream_id)

    assert answers(task, language)[-1] == words.next[next_]


@pytest.mark.parametrize(("language", "words"), [(Language.EN, EN), (Language.ZH, ZH)])
def test_a_result_that_came_late_is_told_and_not_paid_for_again(language: Language, words: Words):
    task = replace(failed(FailureKind.TIMED_OUT, Spend.CONFIRMED), upstream_id="u")

    told = answers(task, language, files=2)

    assert words.late.format(files=2) in told[0]
    assert told[1:] == [
        words.spent["yes"],
        words.movers[Mover.NOBODY],
        words.send_again["came_late"],
        words.next["fetch"],
    ]


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize(("language", "words"), [(Language.EN, EN), (Language.ZH, ZH)])
def test_the_latest_decision_is_told_with_who_and_why(decision: Decision, language: Language, words: Words):
    notes = [
        {"type": "decision", "at": NOW, "actor": "person:old", "reason": "look_again", "detail": "first"},
        {
            "type": "decision",
            "at": NOW,
            "actor": "person:k1",
            "reason": decision.value,
            "detail": "{at} 查过",
        },
        {"type": "note", "at": NOW, "actor": "worker", "reason": "late_success", "detail": None},
    ]

    told = answers(TASK, language, notes=notes)[0]

    sentence = words.decisions[decision].format(
        at="2026-11-21 12:00:00 UTC", actor="person:k1", why="{at} 查过"
    )
    assert told.endswith(sentence)
    assert "person:old" not in told


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
