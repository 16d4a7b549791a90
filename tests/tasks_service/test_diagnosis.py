"""What people are told of a failure that has no known code: what its words seem to say, and no more."""

from dataclasses import replace

import pytest

from schemas.failures import Failure, FailureKind
from schemas.lifecycle import Spend
from tasks_service.diagnosis import by_words, diagnosis
from tasks_service.explanation import Language
from tests.tasks_service.test_explanation import answers, failed

SMALL = Failure(FailureKind.UNKNOWN, "Image pixel count is too small", None, 200, "req-1")


def test_unknown_failures_are_advised_by_their_words():
    told = diagnosis(SMALL.kind, by_words(SMALL))

    assert told["by_words"] is FailureKind.REFERENCE_IMAGE_INVALID
    assert told["check"] == diagnosis(FailureKind.REFERENCE_IMAGE_INVALID)["check"]


def test_a_failure_that_is_known_is_not_read_again():
    known = Failure(FailureKind.TIMEOUT, "insufficient balance")

    assert by_words(known) is None
    assert diagnosis(known.kind)["by_words"] is None


def test_words_that_say_nothing_advise_nothing():
    assert by_words(Failure(FailureKind.UNKNOWN, "嗯", "E9", 200)) is None


@pytest.mark.parametrize(
    ("language", "seems"),
    [(Language.EN, "Its words seem to say: A reference"), (Language.ZH, "从原话看：参考图")],
)
def test_why_tells_what_the_words_seem_to_say_and_leaves_the_money_open(language: Language, seems: str):
    task = replace(failed(FailureKind.UNKNOWN, Spend.CONFIRMED), failure=SMALL)

    told = answers(task, language)

    assert seems in told[0]
    assert "(unknown)" in told[0]
    assert any(word in told[2] for word in ("Not known", "不确定"))
