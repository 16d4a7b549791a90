"""What an upstream may leak goes, however deep it is wrapped; a complete key is known, and a mask is none."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.redaction import HIDDEN, Redactor, redacted
from schemas.whole_keys import complete_key
from tests.journeys.leaky import FORMS

CANARY = "CANARY07QZX7"
PROSE = st.text(st.characters(codec="utf-8", exclude_characters="\"'\\\r\n"), max_size=20)


@pytest.mark.parametrize("form", FORMS)
@given(before=PROSE, after=PROSE, depth=st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_every_leak_goes_in_whatever_it_is_wrapped_and_twice_is_once(form, before, after, depth):
    text = f"{before} {FORMS[form].format(CANARY)} {after}"
    for _ in range(depth):
        text = json.dumps({"error": {"message": text}})
    redact = Redactor()

    clean = redact(text)

    assert CANARY not in clean
    assert redact(clean) == clean
    if depth:
        assert json.loads(clean)


@pytest.mark.parametrize(
    "form",
    [
        "access_token={}",
        "refresh_token: {}",
        "app_secret: {}",
        'client_secret": "{}"',
        "ak and sk: secretKey={}",
        "password={}",
        "passwd: {}",
        "Ocp-Apim-Subscription-Key: {}",
        "AccountKey={}==;EndpointSuffix=core",
        "https://a.test/x.mp4?x-expires=17&x-signature={}%3D",
        "https://a.test/x.mp4?ak=1&sk={}",
        "https://a.test/x.mp4?hdnts=exp=1~hmac={}",
        "Bearer%20{}",
        r"Bearer\u0020{}",
        "apikey%3D{}",
        "%22api_key%22%3A%22{}%22",
        r"\u0022api_key\u0022:\u0022{}\u0022",
        "密钥：{}",
        "令牌为 {}",
    ],
)
def test_what_is_called_a_secret_goes_without_quotes_and_in_the_spelling_of_addresses(form):
    secret = "q8Zr2LmT5vXw9KpB3nYc7HdF"
    redact = Redactor()

    clean = redact(f"so: {form.format(secret)} end")

    assert secret not in clean
    assert (clean.startswith("so: "), redact(clean)) == (True, clean)


@pytest.mark.parametrize(
    "text",
    [
        "access_token: expired",
        "the client_secret is missing",
        "password: required",
        "your password must have 8 letters",
        "secret_key=******",
        "密钥：已过期",
        "令牌为空",
        "task: 17, sk: 3",
    ],
)
def test_what_is_only_said_of_a_secret_stays(text):
    assert Redactor()(text) == text


@given(
    secret=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=8, max_size=40),
    user=st.binary(max_size=7),
)
@settings(deadline=None)
def test_a_known_secret_goes_in_base64_behind_whatever_user(secret, user):
    redact = Redactor([secret])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        spelt = encode(user + secret.encode()).decode()
        left = redact(f"sent {spelt} there").removeprefix("sent ").removesuffix(" there")

        assert HIDDEN in left
        assert secret not in redact(secret)
        rest = left.replace(HIDDEN, "").rstrip("=")
        # What is left is of the user, and of the letter that both share at either end.
        assert len(rest) <= len(user) * 8 // 6 + 3


@pytest.mark.parametrize("spelt", ['K3y/a+b"c', 'K3y%2Fa%2Bb"c', "K3y%2fa+b%22c", r"K3y\/a%252Bb\"c"])
def test_a_known_secret_goes_however_an_address_mixes_its_escapes(spelt):
    assert Redactor(['K3y/a+b"c'])(f"?q={spelt}&x") == f"?q={HIDDEN}&x"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("sk-abcdefghijklmnopqrstuv", "sk-a…stuv"),
        ("please check sk-proj-abcdefghijklmnopqr9 again", "sk-p…pqr9"),
        ("ct_live_ab12cd34_0123456789abcdef", "ct_l…cdef"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh", "eyJh…efgh"),
        ("AKIAABCDEFGHIJKLMNOP", "AKIA…MNOP"),
    ],
)
def test_a_complete_key_is_named_by_its_ends(text, ends):
    assert complete_key(text) == ends


@pytest.mark.parametrize(
    "text",
    [
        "sk-zoj***Vj8",
        "ct_live_ab12cd34",
        "key-3f2b8c1e-0f5a-4a0b-9a51-7b1f2f0c9d11",
        "req_0123456789abcdef0123456789abcdef",
        "tsk_01kpz3v5q8e7d9r2m4n6b8c0a1",
        "cgt-20261125201503-x7k2p",
        "basic questions about bearer tokens",
        "0" * 64,
        "",
    ],
)
def test_ids_masks_and_prose_are_no_keys(text):
    assert complete_key(text) is None


def test_a_whole_value_is_cleaned_in_names_and_in_depth():
    key = "sk-abcdefghijklmnopqrstuv"
    value = {"a": [{"api_key": "short", key: f"x {key}"}], "n": 7, "token": "", "list": (key, None)}

    assert redacted(value, Redactor()) == {
        "a": [{"api_key": HIDDEN, HIDDEN: f"x {HIDDEN}"}],
        "n": 7,
        "token": "",
        "list": [HIDDEN, None],
    }
