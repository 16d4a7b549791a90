"""What a customer wrote decides nothing, also where an upstream quotes it in its own sentence."""

import pytest

from schemas.failures import Answer
from schemas.failures import FailureKind as K
from schemas.reading import read
from tests.schemas.reading_cases import given, openai_like


@pytest.mark.parametrize(
    "prompt",
    ["too many requests", "insufficient balance", "your account was suspended", "you have not been charged"],
)
@pytest.mark.parametrize("quotes", ["''", '""', "“”", "「」"])
def test_words_of_a_quoted_prompt_are_not_the_upstream_s(prompt: str, quotes: str):
    quoted = f"{quotes[0]}a sign that says {prompt}{quotes[1]}"
    found = read(given(openai_like(f"Internal error while rendering the prompt {quoted}"), 500))

    assert (found.kind, found.spent) == (K.UPSTREAM_INTERNAL, Answer.UNKNOWN)


def test_what_is_said_of_a_quoted_prompt_is_heard():
    found = read(given(openai_like("The prompt 'a boat' was flagged by our safety system"), 400))

    assert found.kind is K.CONTENT_POLICY_INPUT


def test_a_name_in_quotes_is_no_prompt():
    found = read(given(openai_like("Invalid value for 'prompt': too many requests in 'prompt'"), 429))

    assert found.kind is not K.UNKNOWN
