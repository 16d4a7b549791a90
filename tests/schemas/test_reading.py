"""The reader of errors: the body decides and not the status, and what nobody knows is not guessed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from schemas.failures import Answer, FailureKind, Mover
from schemas.providers import PROVIDERS
from schemas.reading import Given, MaskedKey, Phase, pasted, read
from schemas.reading.codes import TABLES
from schemas.reading.words import RULES
from tests.schemas.reading_cases import (
    ENVELOPES,
    NOTHING_KNOWN,
    ORDER,
    STATUSES_LIE,
    Case,
    given,
    openai_like,
)
from tests.work import a_second_of_work_at_most

KNOWN = {name: provider.failures for name, provider in PROVIDERS.items()}


@pytest.mark.parametrize("case", [*STATUSES_LIE, *ENVELOPES, *ORDER], ids=lambda case: case.name)
def test_every_error_is_what_its_body_says(case: Case):
    assert read(case.given, KNOWN).kind is case.kind


@pytest.mark.parametrize("text", NOTHING_KNOWN)
def test_what_nobody_recognises_is_unknown_and_promises_nothing(text: str):
    found = read(Given(body=text, status=200))

    assert (found.kind, found.retryable, found.spent) == (FailureKind.UNKNOWN, False, Answer.UNKNOWN)
    assert found.rule == "none"
    assert found.whose_move is Mover.OPERATOR


def test_a_gateway_s_refusal_is_read_whole():
    found = read(
        given(
            "{'error': {'code': '', 'message': '[sk-abc***Yz9] Token amount has been exhausted "
            "token.RemainQuota = 0 (request id: 20260102030405060708f4JzK)', 'type': 'rix_api_error'}}",
            401,
            "dmxapi",
        )
    )

    assert found.kind is FailureKind.QUOTA_EXHAUSTED
    assert found.request_ids == ("20260102030405060708f4JzK",)
    assert found.key == MaskedKey("sk-abc", "Yz9")
    assert found.quota_left == "0"
    assert (found.retryable, found.spent) == (False, Answer.NO)
    assert found.words.startswith("[sk-abc***Yz9] Token amount")
    assert found.rule == "words:money"


def test_particulars_are_found_in_headers_and_words():
    body = openai_like("The model `paint-2-pro` is overloaded, retry in 20 seconds")
    headers = {"X-Request-Id": "req-123456", "Retry-After": "7"}
    found = read(replace(given(body, 503), headers=headers))

    assert found.request_ids == ("req-123456",)
    assert found.model == "paint-2-pro"
    assert found.retry_after_s == 7
    assert read(given(body, 503)).retry_after_s == 20


def test_a_plain_word_after_model_is_no_model():
    assert read(given("this model is not what you want")).model is None


def test_the_upstream_s_own_words_are_unwrapped():
    inner = json.dumps({"error": {"message": "the picture is too dark"}})

    assert read(given(openai_like(f"upstream error: {inner}"), 500)).words == "the picture is too dark"


# Sending again

REFUSED = openai_like("Too many requests", "requests", "rate_limit_exceeded")


def test_a_clear_refusal_for_speed_may_be_sent_again():
    assert read(given(REFUSED, 429)).retryable


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 429),
        ("", 503),
        (REFUSED, 502),
        (openai_like("Rate limit exceeded. Limit: 0/1min", "requests"), 429),
        (openai_like("Rate limit exceeded. Retry after 86400 seconds", "requests"), 429),
        (openai_like("insufficient balance"), 429),
        ("<title>504 Gateway Time-out</title>", 504),
        (openai_like("internal error"), 500),
    ],
)
def test_a_submission_is_not_sent_again_where_that_is_not_certain(body: object, status: int):
    assert not read(given(body, status)).retryable


@pytest.mark.parametrize("phase", ["poll", "download"])
def test_a_question_that_failed_may_be_asked_again(phase: str):
    assert read(given("<title>502 Bad Gateway</title>", 502, None, phase)).retryable
    assert not read(given("API key is not valid", 401, None, phase)).retryable


def test_a_task_that_failed_is_not_made_again_by_itself():
    assert not read(given({"status": "failed", "error": "out of memory"}, 200, None, "poll")).retryable


@pytest.mark.parametrize(
    ("body", "status", "phase", "spent"),
    [
        ("insufficient balance", 402, "submit", Answer.NO),
        ("A timeout occurred", 524, "submit", Answer.UNKNOWN),
        ("connection reset", None, "submit", Answer.UNKNOWN),
        ("Bad Gateway", 502, "poll", Answer.UNKNOWN),
        ("the link has expired", 403, "download", Answer.YES),
        ("the generated image was filtered; you have not been charged", 200, "poll", Answer.NO),
        ("the generated image was filtered", 200, "poll", Answer.UNKNOWN),
    ],
)
def test_whether_money_was_spent_is_told_as_far_as_it_is_known(
    body: str, status: int | None, phase: str, spent: Answer
):
    assert read(given(body, status, None, phase)).spent is spent


# The tables


def test_money_is_asked_before_permission_and_permission_before_speed():
    asked = [rule.name for rule in RULES]

    assert asked.index("money") < asked.index("account") < asked.index("key") < asked.index("no_permission")
    assert asked.index("denied") < asked.index("speed") < asked.index("no_room") < asked.index("timeout")
    assert asked.index("content") < asked.index("image_given") < asked.index("setting")
    assert len(set(asked)) == len(asked)


def test_codes_are_written_as_they_are_looked_up():
    for codes in TABLES.values():
        assert all(code == code.lower() and " " not in code for code in codes)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_s_own_table_is_believed_first(provider: str):
    for code, kind in PROVIDERS[provider].failures.items():
        found = read(given({"error": {"code": code, "message": ""}}, 400, provider), KNOWN)
        assert found.kind in (kind, FailureKind.CONTENT_POLICY_OUTPUT), code


def test_a_bare_number_means_something_only_at_its_own_vendor():
    assert (
        read(given({"error": {"code": "1113", "message": "x"}}, 429, "zhipu")).kind
        is FailureKind.QUOTA_EXHAUSTED
    )
    assert read(given({"error": {"code": "1113", "message": "x"}})).kind is FailureKind.UNKNOWN


# Hostile input

PHASES = st.sampled_from(Phase)
STATUSES = st.none() | st.integers(-(10**12), 10**12)
BROKEN = st.text() | st.text(alphabet="{}[]\"'\\:,= ab\n<>/ué限", max_size=400)


@given_any(body=BROKEN, exception=BROKEN, phase=PHASES, status=STATUSES, provider=st.none() | st.text())
def test_the_reader_never_raises(
    body: str, exception: str, phase: Phase, status: int | None, provider: str | None
):
    found = read(Given(phase, provider, status, {body[:9]: exception}, body, exception), KNOWN)

    assert found.kind in FailureKind


@given_any(raw=st.binary(max_size=300))
def test_bytes_of_any_kind_can_be_pasted(raw: bytes):
    assert read(pasted(raw.decode("utf-8", "replace"))).kind in FailureKind


LONG = [
    "{",
    '{"a":',
    "[",
    '{"a":[',
    "\\",
    '{\\"',
    "{a: b,",
    '{"a":"{',
    "<a>",
    "<script>",
    "model ",
    "image ",
    "not ",
]
LONG += [
    "request id: ",
    "sk-a***",
    '{"message":"model ',
    "balance ",
    "the result ",
    "code: 4",
    "剩余额度",
    "\\ud83d",
]


@pytest.mark.parametrize("part", LONG)
def test_no_text_is_expensive(part: str):
    text = part * (65536 // len(part))
    read(Given(body="the rules are compiled when they are first asked"))

    with a_second_of_work_at_most():  # about 0.1 s
        read(Given(status=500, body=text, exception=text))
