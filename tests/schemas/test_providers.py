"""The conformance suite: the same sentences for every provider file."""

import json
from datetime import UTC, datetime

import pytest

from schemas.capabilities import Model
from schemas.failures import FailureKind
from schemas.lifecycle import Spend, State
from schemas.providers import PROVIDERS
from schemas.rules import check, with_defaults
from schemas.task import ReferenceImage, TaskRequest
from schemas.upstream import Ask, Flow, Job, Lost, Observation, Recovery, Reply, Submission
from tests.schemas.spelling import SPELLING

EVERY = sorted(PROVIDERS)
CODED = [name for name in EVERY if SPELLING.get(name, {}).get("failed")]
JUNK = [b"", b"not json", b"[]", b"null", b'"queued"', b"{}", b'{"status": 7}', b"\xff\x00", b"[" * 3000]


def answer(body: object, status: int = 200) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {"x-request-id": "req-1", "retry-after": "3"}, raw)


def run(flow: Flow, *replies: Reply) -> tuple[list[Ask], Observation]:
    """What a flow asks for and comes to; replies that it does not want stay unused."""
    asks = [next(flow)]
    for reply in replies:
        try:
            asks.append(flow.send(reply))
        except StopIteration as end:
            return asks, end.value
    raise AssertionError("the flow wants more replies")


def simplest(model: Model) -> TaskRequest:
    """The least that a model takes."""
    needed = model.reference_images.min if model.reference_images else 0
    images = [
        ReferenceImage(role=role, url="https://x/i.png") for role in model.reference_images.roles[:needed]
    ]
    request = TaskRequest(model=model.name, prompt="x", reference_images=tuple(images))
    return with_defaults(request, model)


def submission(name: str) -> Submission:
    model = PROVIDERS[name].models[0]
    request = with_defaults(TaskRequest(model=model.name, prompt="a boat"), model)
    assert check(request, model) == []
    return Submission(request, model, "tsk_x_1")


def test_every_provider_is_spelled_out():
    assert set(SPELLING) == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_a_provider_asks_to_be_paid_exactly_once_and_first(name):
    asks, seen = run(PROVIDERS[name].submit(submission(name)), answer(SPELLING[name]["made"]("queued")))

    assert [ask.spends for ask in asks] == [True]
    assert (seen.spend, bool(seen.upstream_id)) == (Spend.CONFIRMED, True)


@pytest.mark.parametrize("name", EVERY)
def test_looking_never_spends_and_an_id_stays_one_part_of_the_path(name):
    asks, _ = run(PROVIDERS[name].poll(Job("../u?1")), answer(JUNK[0]))

    assert not any(ask.spends for ask in asks)
    assert asks[0].path.endswith("/..%2Fu%3F1")


@pytest.mark.parametrize("name", EVERY)
def test_a_task_is_asked_for_where_it_was_made(name):
    sent, _ = run(PROVIDERS[name].submit(submission(name)), answer(SPELLING[name]["made"]("queued")))
    where = PROVIDERS[name].endpoint(submission(name).request)
    asks, _ = run(PROVIDERS[name].poll(Job("u1", where)), answer(JUNK[0]))

    assert asks[0].path == f"{sent[0].path}/u1"


@pytest.mark.parametrize(
    ("name", "word"), [(name, word) for name in EVERY for word in PROVIDERS[name].states]
)
def test_every_word_for_a_state_is_understood(name, word):
    _, seen = run(PROVIDERS[name].poll(Job("u1")), answer(SPELLING[name]["seen"](word)))

    assert (seen.state, seen.status) == (PROVIDERS[name].states[word], word)
    assert bool(seen.files) == (seen.state is State.DONE)


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name in CODED for code in PROVIDERS[name].failures]
)
def test_every_code_is_classified_and_its_words_are_kept(name, code):
    _, seen = run(PROVIDERS[name].poll(Job("u1")), answer(SPELLING[name]["failed"](code)))

    assert seen.state is State.FAILED
    assert (seen.failure.kind, seen.failure.code) == (PROVIDERS[name].failures[code], code)
    assert (seen.failure.message, seen.failure.request_id) == ("words 原话", "req-1")


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name in EVERY for code in PROVIDERS[name].failures]
)
def test_every_code_of_a_refusal_is_classified_and_its_words_are_kept(name, code):
    _, seen = run(PROVIDERS[name].submit(submission(name)), answer(SPELLING[name]["refusal"](code), 400))

    assert (seen.failure.kind, seen.failure.code) == (PROVIDERS[name].failures[code], code)
    assert (seen.failure.message, seen.failure.request_id) == ("words 原话", "req-1")


@pytest.mark.parametrize("name", CODED)
def test_a_code_that_nobody_knows_is_unknown(name):
    _, seen = run(PROVIDERS[name].poll(Job("u1")), answer(SPELLING[name]["failed"]("E-NEW")))

    assert (seen.state, seen.failure.kind) == (State.FAILED, FailureKind.UNKNOWN)


@pytest.mark.parametrize("name", EVERY)
def test_a_word_that_nobody_knows_keeps_the_task_alive(name):
    _, seen = run(PROVIDERS[name].poll(Job("u1")), answer(SPELLING[name]["seen"]("polishing")))

    assert (seen.state, seen.status) == (None, "polishing")


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("status", [401, 404, 408, 429, 500, 502, 503])
def test_an_error_of_a_look_says_nothing_about_the_task(name, status):
    error = answer(SPELLING[name]["refusal"]("whatever"), status)
    _, seen = run(PROVIDERS[name].poll(Job("u1")), error, error)

    assert seen.state is None
    assert seen.retry_after_s == 3


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_never_a_success(name, junk):
    _, looked = run(PROVIDERS[name].poll(Job("u1")), answer(junk))
    _, sent = run(PROVIDERS[name].submit(submission(name)), answer(junk))

    assert looked.state is None
    assert (sent.spend, sent.upstream_id) == (Spend.UNKNOWN, None)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 524])
def test_a_page_that_is_not_the_providers_own_proves_nothing(name, status):
    _, seen = run(PROVIDERS[name].submit(submission(name)), answer(b"<html>Bad gateway</html>", status))

    assert seen.spend is Spend.UNKNOWN


@pytest.mark.parametrize("name", EVERY)
def test_an_internal_error_of_a_submission_proves_nothing_even_in_the_providers_own_words(name):
    internal = next(
        c for c, kind in PROVIDERS[name].failures.items() if kind is FailureKind.UPSTREAM_INTERNAL
    )
    _, seen = run(PROVIDERS[name].submit(submission(name)), answer(SPELLING[name]["refusal"](internal), 500))

    assert seen.spend is Spend.UNKNOWN


@pytest.mark.parametrize("name", EVERY)
def test_a_content_refusal_of_a_submission_is_certain(name):
    code = next(c for c, kind in PROVIDERS[name].failures.items() if kind is FailureKind.CONTENT_POLICY_INPUT)
    _, seen = run(PROVIDERS[name].submit(submission(name)), answer(SPELLING[name]["refusal"](code), 400))

    assert (seen.spend, seen.failure.kind) == (Spend.NOT_CREATED, FailureKind.CONTENT_POLICY_INPUT)


@pytest.mark.parametrize("name", EVERY)
def test_the_tables_are_whole(name):
    provider = PROVIDERS[name]

    assert {model.name for model in provider.models}
    assert len({model.name for model in provider.models}) == len(provider.models)
    assert {State.QUEUED, State.RUNNING, State.DONE, State.FAILED} <= set(provider.states.values())
    assert all(model.source for model in provider.models)
    for model in provider.models:
        assert check(simplest(model), model) == [], model.name


def test_a_provider_that_can_be_asked_again_sends_our_reference():
    asked = [name for name in EVERY if PROVIDERS[name].recovery is Recovery.IDEMPOTENCY_KEY]
    for name in asked:
        asks, _ = run(PROVIDERS[name].submit(submission(name)), answer(SPELLING[name]["made"]("queued")))
        assert "tsk_x_1" in json.dumps([asks[0].json, dict(asks[0].headers)])
    assert asked


@pytest.mark.parametrize("error", [None, {}, {"code": "", "message": ""}, ""])
def test_a_gateway_that_says_completed_with_an_empty_error_is_done(error):
    reply = answer({"id": "v", "status": "completed", "error": error})

    assert run(PROVIDERS["openai_videos"].poll(Job("v")), reply)[1].state is State.DONE


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("odd", ["a\x00b", "x" * 9000, "a\nb", "\ud83d"])
def test_an_id_that_cannot_be_kept_is_no_confirmation(name, odd):
    made = SPELLING[name]["made"]("queued", odd)

    assert run(PROVIDERS[name].submit(submission(name)), answer(made))[1].spend is Spend.UNKNOWN


@pytest.mark.parametrize(
    ("given", "understood"),
    [("3", 3), ("31536000", 300), ("9" * 400, 300), ("-1", None), ("soon", None), ("٣", None)],
)
def test_an_upstream_may_ask_for_patience_but_not_for_years(given, understood):
    assert Reply(429, {"retry-after": given}, b"").retry_after_s == understood


def test_a_gateway_that_says_completed_with_an_error_has_failed():
    moderated = {"id": "v", "status": "completed", "error": {"code": "moderation_blocked", "message": "no"}}
    _, seen = run(PROVIDERS["openai_videos"].poll(Job("v")), answer(moderated))

    assert (seen.state, seen.failure.kind) == (State.FAILED, FailureKind.CONTENT_POLICY_INPUT)


LOST_AND_FOUND = [name for name in EVERY if PROVIDERS[name].lookup]


def test_what_can_be_looked_for_has_a_look_up():
    wanted = {Recovery.LOOKUP_BY_REFERENCE, Recovery.LIST_RECENT}

    assert [name for name in EVERY if PROVIDERS[name].recovery in wanted] == LOST_AND_FOUND
    # Not being in a list is no proof, so there is no time after which it would be one.
    assert not any(p.absent_after_s for p in PROVIDERS.values() if p.recovery is Recovery.LIST_RECENT)


@pytest.mark.parametrize("name", LOST_AND_FOUND)
def test_a_look_up_that_is_not_answered_clearly_proves_nothing(name):
    asked = submission(name)
    lost = Lost(asked.request, asked.model, asked.reference, datetime.now(UTC))
    unclear = [answer(junk) for junk in JUNK]
    unclear += [answer(b"<html>Not found</html>", status) for status in (401, 404, 429, 500, 502)]
    unclear += [answer(SPELLING[name]["refusal"]("whatever"), status) for status in (401, 404, 429, 500)]

    for reply in unclear:
        asks, seen = run(PROVIDERS[name].lookup(lost), reply)
        assert (seen.spend, seen.upstream_id) == (Spend.UNKNOWN, None), reply
        assert not any(ask.spends for ask in asks)
