"""The keys of vendors by their shapes: taken out wherever they stand, named where somebody pastes one."""

import json
from urllib.parse import quote

import pytest

from schemas.redaction import HIDDEN, Redactor
from schemas.whole_keys import complete_key, whole_keys
from tests.work import a_second_of_work_at_most

HEX = "0f5a4a0b9a517b1f2f0c9d110f5a4a0b"
UUID = "3f2b8c1e-0f5a-4a0b-9a51-7b1f2f0c9d11"
MIXED = "q8Zr2LmT5vXw9KpB3nYc7HdF"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{MIXED}+/x\n{MIXED}==\n-----END RSA PRIVATE KEY-----"

KEYS = [
    f"{UUID}:{HEX}",
    f"{HEX}.q8Zr2LmT5vXw9KpB",
    f"hf_{MIXED}",
    f"ghp_{MIXED}",
    f"gsk_{MIXED}",
    f"bfl_{MIXED}",
    f"vda_{MIXED}",
    f"AKID{MIXED}",
    f"ya29.{MIXED}",
    f"whsec_{MIXED}",
    f"nvapi-{MIXED}",
    f"bce-v3/ALTAK-{MIXED}/{HEX}",
    PEM,
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["{}", "why does {} fail?", "认证失败：{}。", "a={} b"])
def test_a_vendor_s_key_is_taken_out_and_named(key: str, around: str):
    text = around.replace("{}", key)
    clean = Redactor()(text)

    assert clean == around.replace("{}", HIDDEN)
    assert Redactor()(clean) == clean
    assert whole_keys(text)
    assert complete_key(text) is not None


@pytest.mark.parametrize("key", [f"sk-{MIXED}", f"AKIA{MIXED[:16].upper()}", *KEYS[:-1]])
def test_it_is_taken_out_of_an_address_in_another_s_query(key: str):
    address = f"https://a.test/?of={key}"
    for _ in range(3):
        # Where its colon is escaped too, it has no shape of a key any more.
        address = f"https://b.test/?next={quote(address, safe=':')}"
        clean = Redactor()(address)
        assert HIDDEN in clean
        assert MIXED[:12] not in clean
        assert HEX not in clean


@pytest.mark.parametrize("key", KEYS)
def test_it_is_taken_out_of_json_in_json(key: str):
    for _ in range(3):
        key = json.dumps({"m": f"it was {key} then"})
        assert MIXED[:12] not in Redactor()(key)
        assert HEX not in Redactor()(key)


@pytest.mark.parametrize(
    "text",
    [f"access_key={MIXED}", f"api_key={MIXED}", f"your api key {HEX} is wrong", f"key_{MIXED}"],
)
def test_what_is_called_a_key_is_one(text: str):
    assert whole_keys(text)
    assert MIXED not in Redactor()(text)
    assert HEX not in Redactor()(text)


@pytest.mark.parametrize(
    "text",
    [
        UUID,
        HEX,
        f"{UUID}:queued",
        f"{HEX}.png",
        f"key-{UUID}",
        f"key-{HEX}",
        "key_frame_interpolation_mode",
        "key_order_20261125_000001",
        "hf_transfer and hf_hub_download",
        "the api key is not valid for this address",
        "access_key=****",
        "api_key: invalid",
        "basic questions about bearer tokens",
        "-----BEGIN CERTIFICATE-----",
        "ya29.***",
    ],
)
def test_ids_words_and_masks_are_no_keys(text: str):
    assert whole_keys(text) == []
    assert complete_key(text) is None


@pytest.mark.parametrize("text", [UUID, HEX, f"{HEX}.png", "hf_transfer and hf_hub_download"])
def test_an_id_alone_stays_as_it_is(text: str):
    assert Redactor()(text) == text


@pytest.mark.parametrize(
    "part", [HEX, f"{UUID}:", "-----BEGIN PRIVATE KEY-----a", "api key ", "access_key=", f"{HEX}.", "ghp_"]
)
def test_no_text_is_expensive(part: str):
    text = part * (65536 // len(part))
    with a_second_of_work_at_most():
        Redactor()(text)
