"""One who stops waiting does not stop the work: what became of it is unknown, and may have been paid."""

import pytest

from schemas.failures import Answer, FailureKind, may_send_again, was_spent
from schemas.lifecycle import Spend
from schemas.reading import read
from tests.schemas.reading_cases import given, openai_like


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("AbortError: This operation was aborted", None),
        ('Post "https://api.example.com/v1/videos": context canceled', None),
        ("client disconnected while waiting for the video", 500),
        ("The user aborted a request.", None),
        ("CancelledError: the request was cancelled", None),
        ("客户端已断开连接", 500),
        ("请求已取消", None),
        ("", 499),
        (openai_like("aborted", "aborted", "aborted"), 500),
    ],
)
def test_an_asker_who_went_away_knows_nothing_of_the_money(text: object, status: int | None):
    found = read(given(text, status))

    assert found.kind in (FailureKind.TIMEOUT, FailureKind.NETWORK, FailureKind.STREAM_INTERRUPTED)
    assert (found.retryable, found.spent) == (False, Answer.UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "Prediction was canceled by its owner",
        "the job has been cancelled",
        "任务已被取消",
        {"id": "1", "status": "cancelled"},
    ],
)
def test_a_task_that_was_called_off_is_canceled(text: object):
    assert read(given(text, 200, None, "poll")).kind is FailureKind.CANCELED


def test_only_replicate_says_aborted_of_its_own_tasks():
    body = {"id": "1", "error": {"code": "aborted"}}

    assert read(given(body, 200, "replicate", "poll")).kind is FailureKind.CANCELED
    assert read(given(body, 200, None, "poll")).kind is not FailureKind.CANCELED


@pytest.mark.parametrize("kind", FailureKind)
def test_what_was_accepted_is_never_simply_sent_again(kind: FailureKind):
    assert not may_send_again(kind, Spend.CONFIRMED)


def test_a_connection_that_broke_after_the_work_was_accepted_leaves_the_money_open():
    assert was_spent(FailureKind.NETWORK, Spend.CONFIRMED) is Answer.UNKNOWN
    assert may_send_again(FailureKind.NETWORK, Spend.NOT_CREATED)
