"""What an error's own words may decide about a task, and what only a provider's table does."""

import json

import pytest

from schemas.failures import FailureKind as K
from schemas.upstream import Reply, failure_from

TABLE = {"E1": K.RATE_LIMITED}


def reply(status: int, message: str) -> Reply:
    return Reply(status, {}, json.dumps({"message": message}).encode())


def kind(status: int, message: str, code: str | None = "E9") -> K:
    return failure_from(reply(status, message), TABLE, code, message).kind


def test_a_provider_s_own_code_is_not_read_again():
    assert kind(400, "insufficient balance", "E1") is K.RATE_LIMITED


@pytest.mark.parametrize(
    ("message", "read"),
    [("insufficient balance", K.QUOTA_EXHAUSTED), ("the image is too small", K.REFERENCE_IMAGE_INVALID)],
)
def test_a_refusal_with_a_new_code_is_classed_by_its_words(message: str, read: K):
    assert kind(400, message) is read


@pytest.mark.parametrize("status", [400, 429, 503])
@pytest.mark.parametrize("message", ["too many requests", "we are overloaded", "internal error", "timed out"])
def test_no_words_make_a_machine_send_again(status: int, message: str):
    assert kind(status, message) is K.UNKNOWN


@pytest.mark.parametrize("message", ["the image is too small", "insufficient balance", "prompt was flagged"])
def test_no_words_say_that_an_accepted_task_was_not_charged(message: str):
    assert kind(200, message) is K.UNKNOWN


def test_words_that_leave_money_open_may_class_an_accepted_task():
    assert kind(200, "the generated video was flagged as sensitive") is K.CONTENT_POLICY_OUTPUT
