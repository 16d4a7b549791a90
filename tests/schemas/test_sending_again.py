"""Sending again is advised only where that is certain; one doubt, in any layer, is enough to say no."""

from dataclasses import replace

import pytest

from schemas.failures import FailureKind
from schemas.reading import Given, Phase, read
from tests.schemas.reading_cases import given, openai_like

FAST = "Too many requests, please slow down"


def refusal(words: str, **more: object) -> Given:
    error = openai_like(f"{FAST}. {words}", "requests", "rate_limit_exceeded")
    return given({**error, **more}, 429)


def test_a_clear_refusal_may_be_sent_again():
    assert read(refusal("")).retryable
    assert read(refusal("Please retry after 20 seconds")).retryable
    assert read(given(FAST, 503)).retryable


@pytest.mark.parametrize(
    "words",
    [
        "Your task is already queued",
        "It is running; do not resubmit",
        "请勿重复提交",
        "任务已提交",
        "Upgrade your plan",
        "This trial allows one",
        "Purchase a larger pack",
        "Your subscription covers one",
        "请升级套餐",
        "You may get a ban",
        "账号即将封禁",
        "This feature was disabled for abuse",
        "See your balance",
        "请查看余额",
        "Allowed: 3 per week",
        "50 requests per day",
        "每日 20 次",
        "每月 20 次",
        "Not in your region",
        "当前地区繁忙",
        "Limit: 0",
        "并发为0",
        "progress: 40",
        "It is done by 35%",
        "task_id 8812",
        "See job cgt-20261125",
        "Your address is blocked for 24 hours",
        "Verify your phone number first",
        "Free users make three",
        "Ten in total",
        "This service is permanently gone",
        "The model was discontinued",
        "Contact sales for more",
        "免费用户限三次",
        "该模型已下线",
        "It was read off the prompt 'too fast'",
        "Wait for your previous generation to finish",
        "Your request is on the waiting list",
        "Your request will be processed later",
        "Two of four images were generated",
        "Check the status at our site",
        "The backend timed out",
        "The connection was reset",
        "The stream was interrupted",
        "We do not know whether it arrived",
        "This came up during generation",
        "We had room until after your request started",
        "已加入队列",
        "您的请求将稍后处理",
    ],
)
def test_one_doubt_is_enough(words: str):
    assert not read(refusal(words)).retryable


@pytest.mark.parametrize(
    "more",
    [
        {"id": "video_12"},
        {"task_id": "8812"},
        {"status": "queued"},
        {"orderNo": "8812"},
        {"url": "https://a.test/a.png"},
    ],
)
def test_where_a_task_exists_nothing_is_sent_again(more: dict[str, str]):
    assert not read(refusal("", **more)).retryable


@pytest.mark.parametrize("name", ["Location", "Operation-Location", "Content-Location"])
def test_where_a_header_says_where_the_work_is_nothing_is_sent_again(name: str):
    assert not read(replace(refusal(""), headers={name: "/v1/renders/8812"})).retryable


def test_every_status_on_the_way_must_be_a_refusal():
    assert read(given(f"status code 429: {FAST}", 503)).retryable
    assert not read(given(f"status code 500: {FAST}", 429)).retryable
    assert not read(given(f"status code 429, then HTTP 502: {FAST}", 429)).retryable


def test_a_word_that_is_a_type_elsewhere_is_no_refusal():
    assert not read(given({"error": "requests"}, 429)).retryable
    assert read(given({"error": {"type": "requests", "message": FAST}}, 429)).retryable


def test_asking_once_more_does_not_help_a_task_that_failed():
    poll = given({"status": "failed", "error": "internal error"}, 500, None, "poll")

    assert not read(poll).retryable
    assert read(given({"error": "internal error"}, 500, None, "poll")).retryable


# Waits


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 20s", 20),
        ("Please try again in 7h12m0s", 25920),
        ("Try again in 1d2h", 93600),
        ("Try again in 2 days", 172800),
        ("Retry after 1 hour and 20 minutes", 4800),
        ("Retry after 250ms", 0.25),
        ("请60秒后重试", 60),
        ("请在 3 小时后再试", 10800),
    ],
)
def test_waits_are_read_in_many_spellings(words: str, seconds: float):
    found = read(refusal(words))

    assert found.retry_after_s == seconds
    assert found.retryable is (seconds <= 3600)


@pytest.mark.parametrize(
    ("headers", "seconds", "again"),
    [
        ({"Retry-After": "30"}, 30, True),
        ({"Retry-After": "1.5"}, 1.5, True),
        ({"Retry-After": "7200.5"}, 7200.5, False),
        ({"Retry-After": "99999999"}, 99999999, False),
        ({"Retry-After": "Wed, 25 Nov 2026 12:00:30 GMT"}, None, False),
        (
            {"Retry-After": "Wed, 25 Nov 2026 12:00:30 GMT", "Date": "Wed, 25 Nov 2026 12:00:00 GMT"},
            30,
            True,
        ),
        ({"Retry-After": "soon"}, None, False),
        ({"Retry-After-Ms": "1500"}, 1.5, True),
        ({"x-ratelimit-reset-requests": "24h0m0s"}, None, False),
        ({"x-ratelimit-reset-tokens": "6m0s"}, None, True),
    ],
)
def test_a_wait_in_a_header_that_is_long_or_unread_is_no_short_one(
    headers: dict[str, str], seconds: float | None, again: bool
):
    found = read(replace(refusal(""), headers=headers))

    assert (found.retry_after_s, found.retryable) == (seconds, again)


@pytest.mark.parametrize("words", ["Try again tomorrow", "请明天再试", "Retry at 12:00", "Wait until Monday"])
def test_a_wait_that_cannot_be_counted_is_no_short_one(words: str):
    assert not read(refusal(words)).retryable


def google(quota: str) -> dict[str, object]:
    quotas = [{"quotaMetric": "generate_requests", "quotaId": quota}]
    details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": quotas}]
    return {
        "error": {
            "code": 429,
            "message": "You exceeded a limit, too many requests.",
            "status": "RESOURCE_EXHAUSTED",
            "details": details,
        }
    }


def test_a_quota_of_a_day_is_heard_where_only_its_name_tells_it():
    day = read(given(google("GenerateRequestsPerDayPerProject"), 429, "gemini"))
    minute = read(given(google("GenerateRequestsPerMinutePerProject"), 429, "gemini"))

    assert (day.kind, day.retryable) == (FailureKind.QUOTA_EXHAUSTED, False)
    assert (minute.kind, minute.retryable) == (FailureKind.RATE_LIMITED, True)


# What a code for speed does not make untrue


@pytest.mark.parametrize(
    ("type_", "words", "status", "kind"),
    [
        ("rate_limit_exceeded", "Insufficient credits", 429, FailureKind.QUOTA_EXHAUSTED),
        ("rate_limit_exceeded", "您的余额不足", 429, FailureKind.QUOTA_EXHAUSTED),
        ("rate_limit_exceeded", "Your account has been suspended", 429, FailureKind.ACCOUNT_SUSPENDED),
        ("overloaded_error", "insufficient balance", 503, FailureKind.QUOTA_EXHAUSTED),
        ("rate_limit_error", "您的账户余额已不足", 429, FailureKind.QUOTA_EXHAUSTED),
        ("invalid_value", "Incorrect API key provided", 400, FailureKind.AUTH_INVALID),
        ("rate_limit_exceeded", "Slow down", 429, FailureKind.RATE_LIMITED),
        ("insufficient_quota", "API key is not valid", 429, FailureKind.QUOTA_EXHAUSTED),
        ("model_not_found", "no such model", 404, FailureKind.MODEL_NOT_FOUND),
    ],
)
def test_money_account_and_key_are_heard_before_a_code_for_speed(
    type_: str, words: str, status: int, kind: FailureKind
):
    assert read(given(openai_like(words, type_, type_), status)).kind is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "Rate limit exceeded. Your credits are used up."}, FailureKind.QUOTA_EXHAUSTED),
        ({"error": "Rate limit exceeded"}, FailureKind.RATE_LIMITED),
        ({"code": "Throttling.RateQuota.PerUser", "message": "x"}, FailureKind.RATE_LIMITED),
        ({"error": "banned"}, FailureKind.UNKNOWN),
        ({"error": "missing"}, FailureKind.UNKNOWN),
    ],
)
def test_a_sentence_is_no_code(body: dict[str, str], kind: FailureKind):
    assert read(given(body)).kind is kind


def test_the_plain_words_of_a_vendor_are_codes_at_that_vendor():
    assert read(given({"code": "blocked"}, None, "midjourney")).kind is FailureKind.ACCOUNT_SUSPENDED
    assert read(given({"type": "missing"}, None, "fal")).kind is FailureKind.PARAMETER_INVALID


def test_a_poll_s_refusal_in_time_is_asked_again():
    assert read(Given(Phase.POLL, status=429, body=FAST)).retryable
