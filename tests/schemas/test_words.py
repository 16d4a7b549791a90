"""Failures explain themselves in both languages; secrets do not survive."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.failures import MEANINGS, Answer, FailureKind, may_send_again, was_spent
from schemas.lifecycle import LIFECYCLE, Spend, State
from schemas.redaction import HIDDEN, Redactor, hidden_link, names_a_secret, without_links
from tests.work import a_second_of_work_at_most


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
        r'{"m": "{\"url\":\"https:\\/\\/h\\/f\\/TOKEN\"}"}',
        r'"https:\u002F\u002Fh\u002Ff\u002FTOKEN"',
        "![a boat](https://user:TOKEN@h/it's/TOKEN) and more",
        "back=https%3A%2F%2Fh%2Ff%2FTOKEN%3Fa",
        "https://h?TOKEN",
        "https://h#TOKEN",
        r"https://h\@127.0.0.1/TOKEN",
        "https://h/文件/TOKEN",
        r'"https:\/\/h\/\u6587\u4ef6\/TOKEN"',
        "<Url>https://h/TOKEN</Url>",
    ],
)
def test_a_link_is_the_key_to_its_file_and_goes_in_every_spelling(text):
    clean = without_links(text)

    assert "TOKEN" not in clean
    assert "https://h/[redacted]" in clean
    assert without_links(clean) == clean


def test_every_link_goes_and_its_surroundings_stay():
    body = r'{"a": "http://one.example:8080/x", "b": ["see https:\/\/two.example\/y.\nThen \"https://[::1]/z\""]}'

    assert without_links(body) == (
        r'{"a": "http://one.example:8080/[redacted]", '
        r'"b": ["see https://two.example/[redacted]\nThen \"https://[::1]/[redacted]\""]}'
    )


@pytest.mark.parametrize(
    "text", ["see https://docs.example.com for more.", "a/b?c=d", "ftp://h/x", r"\\", ""]
)
def test_what_holds_no_path_of_a_link_stays(text):
    assert without_links(text) == text


def test_of_a_link_only_scheme_and_host_are_shown():
    assert hidden_link("https://user:pass@h:8443/f/TOKEN?a=1") == "https://h:8443/[redacted]"
    assert hidden_link("http://[") == HIDDEN, "an upstream can send what no parser takes"


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
        # signed links, as Go, .NET and HTML write them
        (r'{"u": "https://h/x.mp4?a=1\u0026Signature=SIGNED"}', "SIGNED"),
        (r'{"u": "https://h/x.mp4\u003FSignature\u003dSIGNED"}', "SIGNED"),
        ("https://h/x.mp4?a=1&amp;Signature=SIGNED", "SIGNED"),
        ("go?to=https%3A%2F%2Fh%2Fx%3Fa%3D1%26Signature%3DSIGNED", "SIGNED"),
        ("https://h/x?auth_key=1700-0-0-abcd", "1700-0-0-abcd"),
        ("https://h/x?q-sign-algorithm=sha1&q-ak=AKsomebody", "AKsomebody"),
        ("https://h/x?q-ak=a&q-signature=abcd", "abcd"),
        ("https://h/x?wsSecret=abcd&wsTime=65", "abcd"),
        ("https://h/x?sv=2020&sp=r&sig=ab%2Bcd", "ab%2Bcd"),
        ("https://h/#access_token=abcd", "abcd"),
        # by its name, at any depth of JSON, and in Python's words
        ('{"api_key": "abcd"}', "abcd"),
        ('{"access_token":"abcd"}', "abcd"),
        ('{"secret" : "ab\\"cd"}', "cd"),
        ('{"password": "ab cd"}', "cd"),
        ('{"Authorization": ["Token abcd"]}', "abcd"),
        (r'{"m": "{\"api_key\":\"abcd\"}"}', "abcd"),
        (r'{"m": "{\"api_key\":\"ab\\\"cd\"}"}', "cd"),
        (r'{"m": "{\"m\": \"{\\\"openai_api_key\\\": \\\"abcd\\\"}\"}"}', "abcd"),
        ("{'headers': {'X-Api-Key': 'abcd'}}", "abcd"),
        ("(b'x-api-key': b'abcd')", "abcd"),
        # headers
        ("x-api-key: abcdef", "abcdef"),
        ("api-key: abcdef", "abcdef"),
        ("x-goog-api-key=abcdef", "abcdef"),
        ("authorization: abcd", "abcd"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=abcd", "abcd"),
        ('Authorization: Digest username="me", response="abcd"', "abcd"),
        (r'{"m": "authorization: Digest username=\"me\", response=\"abcd\""}', "abcd"),
        (r'{"m": "Bearer ab\/cd\u002Befghijklmnop"}', "efghijklmnop"),
        (r'{"m": "Set-Cookie: a=\"abcd\"; Path=/"}', "abcd"),
        # behind an escape, whose last letter is no part of the word
        (r'{"m": "wrong key:\nsk-AbCdEfGhIjKlMnOpQr"}', "AbCdEfGh"),
        (r'{"m": "wrong key \u0027sk-AbCdEfGhIjKlMnOpQr\u0027"}', "AbCdEfGh"),
        ("token-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJzdWI"),
        (r'"data:image\/png;base64,' + r"QU\/J" * 20 + '"', r"QU\/JQU"),
        (r'{"dsn": "postgres:\/\/user:hunter2@hunter3@db\/x"}', "hunter"),
    ],
)
def test_what_looks_like_a_secret_goes(text, gone):
    clean = Redactor()(text)

    assert gone in text
    assert gone not in clean
    assert Redactor()(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-zoj***Vj8",
        "当前分组上游负载已饱和 (request id: 20260204101112345678)",
        "https://example.com/a.png?size=large&page=2",
        '{"error":{"message":"Your request was rejected","code":"moderation_blocked"}}',
        '{"api_key": "sk-zoj***Vj8", "secret": "[redacted]", "password": "", "token": null}',
        "Authorization: Bearer sk-zoj***Vj8",
        "x-api-key: ***",
        r"https://h/x?a=1\u0026token=ab***yz",
        "https://h/x?wsTime=65&sv=2020&sp=r&se=2030&q-sign-algorithm=sha1",
        '{"tokens": 12, "next_page_token": "abc", "key": "a/b.png", "max_tokens": "5"}',
        '{"loc": ["header", "authorization"], "msg": "Field required"}',
        "a cookie: chocolate chips on a plate",
        "Bearer authentication is required; Basic tokens are not",
        "key_frame_interpolation_mode and task-force and risk-assessment-of-something",
        "a.b.c.d: eyJust a word, data: a list; https://example.com/@somebody",
        r'{"path": "C:\\new\\folder", "say": "\"hello\"", "u": "\u4f60\u597d"}',
    ],
)
def test_what_is_no_secret_stays_byte_for_byte(text):
    assert Redactor(["another-secret"])(text) == text


HOSTILE = [
    "a.", "a-", "eyJ-", "eyJabcdefgh", "\\", '\\"', '\\\\"', '"', "'", '"api_key":"', "'token':'", '"a-password', "cookie: a=",
    "cookie ", 'authorization: a="', "authorization:\n", "bearer ", "a://", "://", "a@", "https://", "http:", "https:\\/\\/",
    "%3A", "?key=", "&amp;", "\\u0026", "data:", "data:a/b;base64,", "sk-", "-sk-", "*", "sk***", "x-api-key: ", "[redacted]",
    " ", "\n", "\\n", '="', "x-aaaaaa-", "_",
]  # fmt: skip


@pytest.mark.parametrize("before", ["", "https://", 'authorization: "api_key":"'])
@pytest.mark.parametrize("again", HOSTILE)
def test_no_text_is_expensive(again, before):
    text = before + again * (65536 // len(again))
    redact = Redactor(["postgresql://me:a-known-secret@db/x"])

    with a_second_of_work_at_most():  # about 0.1 s
        redact(text)
        without_links(text)


PIECES = st.lists(
    st.sampled_from(
        [
            *HOSTILE, "Authorization: ", "***", "abcdefgh", "?sig=", "\\/", "/", "@", "QUJD" * 9, "a-known-secret",
            "\r\n", ",", ":", "{", "}", "=", ";", "é😀", "\\u002B", "http%3A%2F%2F", "Bearer ", "x",
        ]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(text=PIECES, escaped=st.booleans())
def test_evidence_stays_json_and_twice_is_once(text, escaped):
    redact = Redactor(["a-known-secret", 'p@ss/w"rd'])
    body = json.dumps({"a": text, "token": text, "b": json.dumps([text, {"c": text}])}, ensure_ascii=escaped)
    for take_out in (redact, without_links):
        json.loads(take_out(body))
        assert take_out(take_out(text)) == take_out(text)
        assert take_out(take_out(body)) == take_out(body)


@pytest.mark.parametrize("depth", range(4))
def test_a_known_secret_goes_at_any_depth_of_json(depth):
    secret = text = 'p@ss/w"rd\\é😀&x'
    for _ in range(depth):
        text = json.dumps(text)[1:-1].replace("/", "\\/").replace("&", "\\u0026")

    assert Redactor([secret])(f"<{text}>") == "<[redacted]>"


def test_a_secret_is_known_by_its_name():
    assert all(map(names_a_secret, ["api_key", "X-Api-Key", "Authorization", "set-cookie", "db_password"]))
    assert not any(map(names_a_secret, ["key", "event", "tokens", "task", "path", "passwords_are_asked_for"]))
