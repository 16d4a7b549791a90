"""Work that an upstream does not know is no wrong picture; and what there is too much of is no wrong setting."""

import pytest

from schemas.failures import FailureKind as K
from schemas.failures import Mover
from schemas.reading import read
from tests.schemas.reading_cases import given, openai_like


@pytest.mark.parametrize(
    "words",
    [
        "Video with id 'vid_7' not found.",
        "Video with the id vid_7 does not exist",
        "No such video: vid_7",
        "No such generation",
    ],
)
@pytest.mark.parametrize("phase", ["submit", "poll"])
def test_a_film_that_is_not_there_is_work_that_is_not_known(words: str, phase: str):
    found = read(given(openai_like(words, "invalid_request_error"), 404, None, phase))

    assert (found.kind, found.whose_move) == (K.TASK_NOT_FOUND, Mover.OPERATOR)


@pytest.mark.parametrize(
    "words",
    ["The reference image was not found", "File with id f-7 not found", "video file not found at this url"],
)
def test_a_picture_that_is_not_there_stays_one(words: str):
    assert read(given(words, 400)).kind is K.REFERENCE_IMAGE_INVALID


@pytest.mark.parametrize(
    "words", ["Too many running tasks", "too many active jobs", "There are too many pending generations"]
)
def test_too_much_at_once_is_no_wrong_setting(words: str):
    found = read(given(words, 429))

    assert (found.kind, found.retryable) == (K.RATE_LIMITED, "running" not in words)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Post Img Risk Not Pass", K.CONTENT_POLICY_OUTPUT),
        ("Pre Img Risk Not Pass", K.CONTENT_POLICY_INPUT),
        ("Post Text Risk Not Pass", K.CONTENT_POLICY_INPUT),
    ],
)
def test_ark_s_check_after_the_work_is_about_what_was_made(words: str, kind: K):
    assert read(given({"code": 1, "message": words}, 400, "volcengine")).kind is kind
