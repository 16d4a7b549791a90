"""Words that sound like money and are not, and money that sounds like something else."""

import pytest

from schemas.failures import FailureKind as K
from schemas.reading import read
from tests.schemas.reading_cases import given


@pytest.mark.parametrize(
    "words",
    [
        "hard limit: prompt may not exceed 500 characters",
        "Usage limit: seed must be below 4294967295",
        "recharge failed to parse image",
        "The picture shows an overdue library book",
    ],
)
def test_a_word_that_also_belongs_to_money_is_not_yet_money(words: str):
    assert read(given(words, 400)).kind is not K.QUOTA_EXHAUSTED


@pytest.mark.parametrize(
    "words",
    [
        "Your monthly allowance of videos is spent",
        "The weekly allowance is used up",
        "You have reached your usage limit",
        "usage limit exceeded",
        "Billing hard limit has been reached",
        "Your account is overdue",
        "The payment is overdue",
        "Please recharge",
        "recharge your wallet to go on",
        "您的账户已欠费",
    ],
)
def test_what_says_that_money_is_gone_is_money(words: str):
    assert read(given(words, 400)).kind is K.QUOTA_EXHAUSTED


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("rate limit exceeded: 3 videos per week", {K.RATE_LIMITED, K.QUOTA_EXHAUSTED}),
        ("账号被风控", {K.ACCOUNT_SUSPENDED}),
        ("未找到可用的密钥", {K.UPSTREAM_OVERLOADED}),
        ("密钥未找到", {K.AUTH_INVALID}),
        ("the video is too large", {K.REFERENCE_IMAGE_INVALID}),
    ],
)
def test_words_of_limits_are_read_as_what_they_limit(words: str, kinds: set[K]):
    assert read(given(words, 429)).kind in kinds


@pytest.mark.parametrize(
    ("body", "provider", "kind"),
    [
        (
            {"error": {"code": "QuotaExceeded", "message": "The number of queued tasks exceeds the limit"}},
            "volcengine",
            K.RATE_LIMITED,
        ),
        (
            {"error": {"code": "QuotaExceeded", "message": "排队任务数超过上限"}},
            "volcengine",
            K.RATE_LIMITED,
        ),
        ({"error": {"code": "QuotaExceeded", "message": "x"}}, "volcengine", K.QUOTA_EXHAUSTED),
        (
            {"error": {"code": "QuotaExceeded", "message": "insufficient balance"}},
            "volcengine",
            K.QUOTA_EXHAUSTED,
        ),
        ({"error": {"code": "1311", "message": "x"}}, "zhipu", K.PERMISSION_DENIED),
        ("<Error><Code>SlowDown</Code><Message>x</Message></Error>", None, K.RATE_LIMITED),
        ("<Error><Code>UserDisable</Code><Message>x</Message></Error>", None, K.ACCOUNT_SUSPENDED),
        ({"output": {"task_id": "1", "task_status": "UNKNOWN"}}, "dashscope", K.TASK_NOT_FOUND),
        ({"output": {"task_id": "1", "task_status": "UNKNOWN"}}, None, K.UNKNOWN),
    ],
)
def test_codes_mean_what_their_vendors_say(body: object, provider: str | None, kind: K):
    assert read(given(body, 200 if provider == "dashscope" else None, provider, "poll")).kind is kind
