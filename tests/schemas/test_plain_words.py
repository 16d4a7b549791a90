"""Most of what is logged is passed over quickly: only where there is nothing that could be a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import redaction
from schemas.redaction import HIDDEN, Redactor, secrets_in

PIECES = (
    "Bearer ", "basic ", "sk-", "sk_", "pk_", "rk-", "fal-", "r8_", "ct_live_", "xai-", "luma-", "key-", "AIza", "AKIA",
    "ASIA", "AKLT", "LTAI", "eyJ", ".", "?token=", "&sig=", "%3Ftoken%3D", "\\u0026key\\u003d", "https://", "u:p@h",
    "'api_key': '", '"password":"', "Authorization: ", "Cookie: a=b", "x-api-key: ", "data:image/png;base64,", "'", '"',
    "hf_", "gsk_", "ghp_", "github_pat_", "bfl_", "vda_", "whsec_", "AKID", "ya29.",
    "0f5a4a0b9a517b1f2f0c9d110f5a4a0b", ":", "3f2b8c1e-0f5a-4a0b-9a51-7b1f2f0c9d11", "-----BEGIN PRIVATE KEY-----",
    "api key ", "access_key=", "app_secret: ", "passwd: ", "pwd=", "session token is ", "Bearer%20", "bce-v3/ALTAK-", "abcDEF1234567890",
    "abcDEF1234567890123456", "ZmFrZQ" * 6, "submitted", " ", "\\n", "-", "_",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_what_is_passed_over_holds_nothing_that_would_be_found(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "is_plain", lambda _: False)
        slowly = Redactor()(text)

        found = secrets_in(text)

    assert Redactor()(text) == slowly
    assert secrets_in(text) == found


@pytest.mark.parametrize(
    "text",
    [f"{piece}abcDEF1234567890123456" for piece in ("sk-", "r8_", "ct_live_", "AIza", "AKIA", "Bearer ")],
)
def test_the_pieces_make_secrets(text: str) -> None:
    assert HIDDEN in Redactor()(text)
