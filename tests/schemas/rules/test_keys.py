"""A whole key in a label is refused with where it is and what it is, and is not repeated by anything that is said."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import redaction
from schemas.providers import model_of
from schemas.rules import Violation, check, judge, keys
from schemas.rules.filing import callback_is_an_address
from schemas.rules.keys import labels_are_free_of_keys
from schemas.task import TaskRequest

from ..test_plain_words import PIECES
from .examples import KEY

MODEL = model_of("sandbox", "sandbox-image-1")
VENDOR_S = f"sk-{KEY}"
OURS = f"ct_live_ab12cd34_{KEY}"


def asked(**labels: object) -> TaskRequest:
    return TaskRequest.model_validate({"model": MODEL.name, "prompt": "x"} | labels)


def found_in(**labels: object) -> list[Violation]:
    return list(labels_are_free_of_keys(asked(**labels), MODEL))


@pytest.mark.parametrize(
    ("labels", "pointer", "said"),
    [
        ({"external_id": VENDOR_S}, "/external_id", "external_id holds a whole API key (sk-q8Z…7HdF)."),
        ({"external_id": f"for {OURS}"}, "/external_id", "a whole key of this service (ct_liv…7HdF)."),
        ({"metadata": {"a/b": VENDOR_S}}, "/metadata/a~1b", "'a/b' holds a whole API key (sk-q8Z…7HdF)."),
        ({"metadata": {VENDOR_S: "x"}}, "/metadata", "A name in metadata holds a whole API key (sk-q8Z…7HdF)."),
        ({"metadata": {"OPENAI_API_KEY": KEY}}, "/metadata/OPENAI_API_KEY", "a whole credential (q8Zr2L…7HdF)."),
        ({"metadata": {"password": "hunter2hunter2"}}, "/metadata/password", "holds a whole credential."),
        ({"metadata": {"a": f"AKIA{KEY[:16].upper()}"}}, "/metadata/a", "holds a whole AWS access key."),
        ({"callback_url": f"https://a.test/?of={VENDOR_S}"}, "/callback_url", "API key (sk-q8Z…7HdF)."),
        ({"callback_url": f"https://a.test/?of=sk%2D{KEY}"}, "/callback_url", "API key (sk-q8Z…7HdF)."),
        ({"callback_url": f"https://a.test/?api_key={KEY}&a=1"}, "/callback_url", "credential (q8Zr2L…7HdF)."),
        ({"callback_url": f"https://u:{KEY}@a.test/"}, "/callback_url", "credential (q8Zr2L…7HdF)."),
        ({"callback_url": f"https://{KEY}@a.test/"}, "/callback_url", "credential (q8Zr2L…7HdF)."),
        ({"callback_url": f"https://[::1/{VENDOR_S}"}, "/callback_url", "API key (sk-q8Z…7HdF)."),
    ],
)  # fmt: skip
def test_it_is_said_where_a_whole_key_is_and_what_it_is(labels: dict[str, object], pointer: str, said: str):
    [violation] = found_in(**labels)

    assert (violation.pointer, violation.code, violation.got) == (pointer, "whole_key", None)
    assert said in violation.detail


@pytest.mark.parametrize(
    "labels",
    [
        {"external_id": VENDOR_S},
        {"external_id": f"\x07{VENDOR_S}"},
        {"metadata": {VENDOR_S: "x", "a": OURS, "token": KEY}},
        {"metadata": {f"{VENDOR_S}\x07": f"{VENDOR_S}\x07"}},
        {"callback_url": f"http://user:{KEY}@a.test/?of={VENDOR_S}#{OURS}"},
        {"callback_url": f"http://a.test/?api_key={KEY}"},
        {"callback_url": f"http://a.test/sk%2D{KEY}"},
        {"callback_url": f"https://[::1/{VENDOR_S}"},
    ],
)
def test_nothing_that_any_rule_says_of_it_repeats_it(labels: dict[str, object]):
    found = check(asked(**labels), MODEL)

    assert "whole_key" in {one.code for one in found}
    assert KEY not in str(found)


@pytest.mark.parametrize(
    "labels",
    [
        {"external_id": "tsk_01kpz3v5q8e7d9r2m4n6b8c0a1"},
        {"external_id": "key-3f2b8c1e-0f5a-4a0b-9a51-7b1f2f0c9d11"},
        {"external_id": "3f2b8c1e-0f5a-4a0b-9a51-7b1f2f0c9d11"},
        {"external_id": "20261125201503-x7k2p"},
        {"external_id": "0" * 64},
        {"external_id": "the key of the red door"},
        {"metadata": {"sk-q8Zr***cHdF": "sk-q8Zr***cHdF"}},
        {"metadata": {"key": "order-20261125-0017", "token_count": "12345678", "secret": "surprise"}},
        {"metadata": {"link": "https://bucket.test/file?Expires=1&Signature=q8Zr2LmT5vXw9KpB3nYc7HdF"}},
    ],
)
def test_ids_masks_words_and_signed_links_are_no_keys(labels: dict[str, object]):
    assert found_in(**labels) == []


LABELS = st.lists(st.sampled_from([*PIECES, KEY, "autumn", "\n", "é"]), max_size=4).map("".join)


@given(
    st.dictionaries(LABELS | st.sampled_from(["token", "jwt", "secret"]), LABELS, max_size=3), LABELS, LABELS
)
def test_what_is_passed_over_at_a_glance_holds_no_key(metadata: dict[str, str], external_id: str, url: str):
    labels = {"metadata": metadata, "external_id": external_id or None, "callback_url": url}
    request = TaskRequest.model_construct(**labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "is_plain", lambda _: False)
        patch.setattr(redaction, "is_plain", lambda _: False)
        slowly = list(labels_are_free_of_keys(request, MODEL))

    assert list(labels_are_free_of_keys(request, MODEL)) == slowly


def test_it_is_said_beside_an_unknown_model_too():
    found = judge(asked(model="nope", external_id=VENDOR_S), {MODEL.name: MODEL}, date(2026, 1, 1))

    assert [one.code for one in found] == ["model_unknown", "whole_key"]


def test_an_address_without_a_secret_is_repeated_as_it_came():
    [violation] = callback_is_an_address(asked(callback_url="http://a.test/?order=17"), MODEL)

    assert violation.got == "http://a.test/?order=17"
