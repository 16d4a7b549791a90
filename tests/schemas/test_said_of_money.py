"""What an answer says of money itself is heard: also that it was taken, and that it does not come back."""

import pytest

from schemas.failures import Answer, FailureKind
from schemas.reading import read
from tests.schemas.reading_cases import given


@pytest.mark.parametrize(
    "words",
    [
        "The render broke; you have not been charged",
        "The render broke. It was never billed.",
        "The render broke; your credits have been refunded",
        "3 credits were deducted and have been refunded",
        "渲染失败，未扣费",
        "渲染失败，已扣除的积分已退还",
    ],
)
def test_no_money_is_gone_where_that_is_said(words: str):
    assert read(given(words, 200, None, "poll")).spent is Answer.NO


@pytest.mark.parametrize(
    "words",
    [
        "Generation failed. Credits are not refunded for failed tasks.",
        "Internal error, the credits have not been refunded",
        "Internal error. This cannot be refunded.",
        "Internal error; the fee is non-refundable although you have not been charged for audio",
        "Too many requests; 1 point was deducted",
        "We are overloaded; the part that was made was billed",
        "Internal error. You were charged; audio is not charged separately.",
        "生成失败，积分不予退还",
        "服务繁忙，已扣费，请稍后再试",
        "请求过于频繁，本次已扣除 1 点",
    ],
)
@pytest.mark.parametrize("status", [200, 429, 503])
def test_where_money_may_be_gone_it_is_not_said_that_none_is(words: str, status: int):
    found = read(given(words, status))

    assert found.spent is not Answer.NO
    assert not found.retryable


def test_money_that_is_reserved_and_not_there_is_not_spent():
    found = read(given("预扣费额度失败, 用户剩余额度: ¥0.01", 403))

    assert (found.kind, found.spent) == (FailureKind.QUOTA_EXHAUSTED, Answer.NO)


@pytest.mark.parametrize("body", ["", {"message": "Conflict: another run of this session is active"}])
def test_a_conflict_alone_does_not_say_that_nothing_was_made(body: object):
    """The other one of the conflict may be our own request, sent twice by somebody on the way."""
    found = read(given(body, 409))

    assert (found.kind, found.retryable, found.spent) == (FailureKind.UNKNOWN, False, Answer.UNKNOWN)


@pytest.mark.parametrize("words", ["the prompt was flagged", "we are overloaded", "The job was cancelled"])
def test_no_words_of_failing_say_that_accepted_work_is_free(words: str):
    failed = {"status": "failed", "error": {"message": words}}

    assert read(given(failed, 200, None, "poll")).spent is Answer.UNKNOWN
    assert read(given(failed, 200, "kling", "poll")).spent is Answer.UNKNOWN


def test_the_table_of_the_provider_itself_does():
    failed = {"code": 1301, "message": "x", "data": {"task_status": "failed"}}

    assert read(given(failed, 200, "kling", "poll")).spent is Answer.NO
