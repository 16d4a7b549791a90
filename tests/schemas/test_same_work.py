"""Which requests are the same work, and which are not: a table, and what holds for every request."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.capabilities import Kind, Model, ReferenceImages, Role
from schemas.fingerprint import canonical, fingerprint
from schemas.providers import model_of
from schemas.rules import with_defaults
from schemas.task import TaskRequest

MODEL = Model(
    name="m",
    kind=Kind.VIDEO,
    ratios=("16:9", "9:16"),
    resolutions=("720p",),
    durations_s=(5, 10),
    reference_images=ReferenceImages(max=4, roles=tuple(Role)),
    default_ratio="16:9",
    default_resolution="720p",
    default_duration_s=5,
)
BYTES, OTHER_BYTES = b"the bytes of a picture", b"the bytes of another"


def inline(content: bytes, media_type: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"data": f"data:{media_type};base64,{base64.b64encode(content).decode()}"} | more


def uploaded(content: bytes, **more: Any) -> dict[str, Any]:
    return {"file_id": f"file_{hashlib.sha256(content).hexdigest()}"} | more


def images(*given_images: dict[str, Any]) -> dict[str, Any]:
    return {"reference_images": list(given_images)}


def of(text: str) -> bytes:
    """The fingerprint of a body as it is received."""
    return fingerprint(with_defaults(TaskRequest.model_validate_json(text, strict=True), MODEL))


def of_wish(**changes: Any) -> bytes:
    return of(json.dumps({"model": "m", "prompt": "p"} | changes))


PLAIN = '{"model":"m","prompt":"café ☂","duration_s":5,"options":{"a":1,"b":[1,2]}}'


@pytest.mark.parametrize(
    "spelling",
    [
        '{"options":{"b":[1,2],"a":1},"duration_s":5,"prompt":"café ☂","model":"m"}',
        '\n{ "model" : "m",\t"prompt":"café ☂", "duration_s": 5 , "options": { "a": 1, "b": [ 1, 2 ] } }\r\n',
        '{"model":"m","prompt":"caf\\u00e9 \\u2602","duration_s":5,"options":{"a":1,"b":[1,2]}}',
        '{"model":"\\u006d","prompt":"caf\\u00E9 ☂","duration_s":5,"options":{"a":1,"\\u0062":[1,2]}}',
        '{"model":"m","prompt":"café ☂","duration_s":5.0,"options":{"a":1.0,"b":[1,2.0]}}',
        '{"model":"m","prompt":"café ☂","duration_s":0.5e1,"options":{"a":1e0,"b":[1,2]}}',
        '{"model":"m","prompt":"café ☂","options":{"a":1,"b":[1,2]}}',
        '{"model":"m","prompt":"café ☂","duration_s":null,"seed":null,"ratio":null,"options":{"a":1,"b":[1,2]}}',
        '{"model":"m","prompt":"café ☂","ratio":"16:9","resolution":"720p","n":1,"options":{"a":1,"b":[1,2]}}',
        '{"model":"m","prompt":"café ☂","reference_images":[],"metadata":{},"options":{"a":1,"b":[1,2]}}',
        '{"model":"m","prompt":"café ☂","external_id":"x","metadata":{"k":"v"},"options":{"a":1,"b":[1,2]}}',
        '{"model":"m","prompt":"café ☂","allow_duplicate":true,"options":{"a":1,"b":[1,2]}}',
        '{"model":"m","prompt":"café ☂","callback_url":"https://a.test/b","options":{"a":1,"b":[1,2]}}',
    ],
    ids=[
        "order", "white space", "escaped", "escaped names", "5.0 for 5", "0.5e1 for 5", "default left out",
        "null for absent", "defaults spelled out", "empty for absent", "filed otherwise", "duplicate allowed",
        "called back",
    ],
)  # fmt: skip
def test_other_spellings_are_the_same_work(spelling):
    assert of(spelling) == of(PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"prompt": "P"}),
        ({}, {"prompt": "p "}),
        ({"prompt": "caf\u00e9"}, {"prompt": "cafe\u0301"}),
        ({}, {"model": "m2"}),
        ({}, {"negative_prompt": "rain"}),
        ({}, {"seed": 0}),
        ({"seed": 1}, {"seed": 2}),
        ({}, {"duration_s": 10}),
        ({}, {"duration_s": 5.5}),
        ({}, {"ratio": "9:16"}),
        ({}, {"n": 2}),
        ({}, {"audio": False}),
        ({"audio": True}, {"audio": False}),
        ({}, {"options": {"a": None}}),
        ({"options": {"a": 1}}, {"options": {"a": True}}),
        ({"options": {"a": 1}}, {"options": {"a": "1"}}),
        ({"options": {"a": [1, 2]}}, {"options": {"a": [2, 1]}}),
        ({}, images(inline(BYTES))),
        (images(inline(BYTES)), images(inline(OTHER_BYTES))),
        (images(inline(BYTES)), images(inline(BYTES, role="style"))),
        (images(inline(BYTES)), images(inline(BYTES), inline(BYTES))),
        (images(inline(BYTES), inline(OTHER_BYTES)), images(inline(OTHER_BYTES), inline(BYTES))),
    ],
)
def test_whatever_shapes_the_result_is_other_work(one, other):
    assert of_wish(**one) != of_wish(**other)


def test_the_same_bytes_are_the_same_picture_however_they_came():
    ways = [inline(BYTES), inline(BYTES, "image/jpeg"), uploaded(BYTES), uploaded(BYTES, role="reference")]

    assert len({of_wish(**images(way)) for way in ways}) == 1


@pytest.mark.parametrize(
    ("provider", "model", "spelled_out"),
    [
        ("kling", "kling-v2-6", {"options": {"mode": "std"}}),
        ("kling", "kling-v3", {"options": {"cfg_scale": 0.5}}),
        ("kling", "kling-v3-omni", {"options": {"mode": "pro"}}),
        ("ark_seedance", "doubao-seedance-1-0-pro-250528", {"seed": -1, "watermark": False}),
        ("ark_seedance", "doubao-seedance-1-5-pro-251215", {"audio": True, "options": {"draft": False}}),
    ],
)
def test_a_vendor_s_default_spelled_out_is_the_same_work(provider, model, spelled_out):
    known = model_of(provider, model)
    plain, spelled = (
        with_defaults(TaskRequest.model_validate({"model": model, "prompt": "p"} | more), known)
        for more in ({}, spelled_out)
    )

    assert fingerprint(plain) == fingerprint(spelled)


def test_an_omitted_seed_twice_is_the_same_work():
    assert of_wish() == of_wish(seed=None)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=6), values, max_size=5), st.randoms(), st.booleans())
def test_order_and_escapes_never_make_other_work(options, random, ascii_only):
    names = list(options)
    random.shuffle(names)
    body = {"prompt": "p", "options": {name: options[name] for name in names}, "model": "m"}

    assert of(json.dumps(body, ensure_ascii=ascii_only, indent=2)) == of_wish(options=options)


@given(values, values)
def test_two_values_are_written_alike_only_where_they_are_equal(one, other):
    assert (canonical(one) == canonical(other)) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )
