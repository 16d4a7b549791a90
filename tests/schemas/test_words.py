"""Failures explain themselves in both languages; secrets do not survive."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.failures import MEANINGS, Answer, FailureKind, may_send_again, was_spent
from schemas.lifecycle import LIFECYCLE, Spend, State
from schemas.redaction import HIDDEN, Redactor, without_link


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_says_what_it_means_in_both_languages(kind):
    meaning = MEANINGS[kind]

    assert meaning.en.endswith(".")
    assert meaning.zh.endswith("。")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in meaning.zh)


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("spend", [Spend.INTENDED, Spend.UNKNOWN])
def test_nobody_is_told_to_send_again_while_the_outcome_is_unknown(kind, spend):
    assert was_spent(kind, spend) is Answer.UNKNOWN
    assert not may_send_again(kind, spend)


def test_nothing_was_spent_where_nothing_was_created():
    assert all(was_spent(kind, Spend.NOT_CREATED) is Answer.NO for kind in FailureKind)


def test_final_states_lead_nowhere():
    assert [state for state in State if state.final] == [State.DOWNLOADED, State.FAILED]
    assert set(LIFECYCLE) == set(State)


SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=8, max_size=60)


@given(secret=SECRETS, before=st.text(max_size=30), after=st.text(max_size=30))
def test_a_known_secret_never_survives(secret, before, after):
    if secret in HIDDEN:
        return
    clean = Redactor([secret])(before + secret + after)

    assert secret not in clean or secret in before + after or secret in HIDDEN


@given(text=st.text(max_size=300))
def test_taking_out_twice_is_taking_out_once(text):
    redact = Redactor(["a-known-secret"])

    assert redact(redact(text)) == redact(text)


def spellings(secret):
    return [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]


@pytest.mark.parametrize(
    "text",
    [
        '{"url": "https://h/f/TOKEN?a=1&b=2"}',
        r'{"url": "https:\/\/h\/f\/TOKEN?a=1&b=2"}',
        r'"https://h/f/TOKEN?a=1\u0026b=2"',
    ],
)
def test_a_link_is_the_key_to_its_file_and_goes_in_every_spelling(text):
    clean = without_link(text, "https://h/f/TOKEN?a=1&b=2")

    assert "TOKEN" not in clean
    assert "https://h/[redacted]" in clean


@pytest.mark.parametrize("spelling", spellings("p@ss/wörd+1234"))
def test_every_spelling_of_a_secret_goes(spelling):
    assert spelling.rstrip("=") not in Redactor(["p@ss/wörd+1234"])(f"key={spelling}&x")


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Authorization: Bearer abcdefghijkl123", "abcdefghijkl123"),
        ("Incorrect API key provided: sk-proj-AbCdEfGhIjKlMnOpQr", "AbCdEfGh"),
        ("AIzaSyA-1234567890abcdefghijklm", "1234567890"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def", "eyJzdWI"),
        ("https://b.example/x.png?X-Amz-Signature=deadbeef00&a=1", "deadbeef00"),
        ("https://user:hunter2hunter2@db/x", "hunter2"),
        ("Set-Cookie: session=abcdef; Path=/", "abcdef"),
        ("data:image/png;base64," + "QUJD" * 20, "QUJDQUJD"),
        ("ct_live_ab12cd34_" + "x" * 43, "x" * 43),
    ],
)
def test_what_looks_like_a_secret_goes(text, gone):
    assert gone in text
    assert gone not in Redactor()(text)


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-zoj***Vj8",
        "当前分组上游负载已饱和 (request id: 20260204101112345678)",
        "https://example.com/a.png?size=large&page=2",
        '{"error":{"message":"Your request was rejected","code":"moderation_blocked"}}',
    ],
)
def test_what_is_no_secret_stays_byte_for_byte(text):
    assert Redactor(["another-secret"])(text) == text
