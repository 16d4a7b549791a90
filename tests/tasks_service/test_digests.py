"""Digests are kept for ever and compared with later ones, so the quick way to them gives those of the slow way."""

import base64
import hashlib
import json
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.fingerprint import fingerprint
from schemas.task import TaskRequest
from tasks_service.comparison import request_sha256

FILING = {"external_id", "metadata", "allow_duplicate", "callback_url"}
TEXT = st.text(max_size=8)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(-9, 9).map(round).map(float) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
IMAGES = st.sampled_from(
    [
        {"url": "https://a.test/b"},
        {"data": "data:image/png;base64," + base64.b64encode(b"an image").decode(), "role": "style"},
        {"file_id": f"file_{'0' * 64}", "role": "first_frame"},
    ]
)
BODIES = st.fixed_dictionaries(
    {"model": st.just("m")},
    optional={
        "prompt": TEXT,
        "negative_prompt": TEXT,
        "ratio": TEXT,
        "duration_s": NUMBERS | st.integers(0, 60).map(float),
        "n": st.integers(0, 9),
        "seed": st.integers(-(2**63), 2**63 - 1),
        "audio": st.booleans(),
        "external_id": st.text(min_size=1, max_size=8),
        "metadata": st.dictionaries(st.text(min_size=1, max_size=4), TEXT, max_size=3),
        "options": st.dictionaries(TEXT, VALUES, max_size=4),
        "reference_images": st.lists(IMAGES, max_size=2),
        "allow_duplicate": st.booleans(),
    },
)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def by_bytes(image: dict[str, Any]) -> dict[str, Any]:
    if "data" not in image:
        return image
    content = base64.b64decode(image.pop("data").partition(",")[2])
    return image | {"file_id": f"file_{hashlib.sha256(content).hexdigest()}"}


def slowly(request: TaskRequest, without: set[str]) -> bytes:
    """As they were made at first."""
    asked = request.model_dump(mode="json", exclude_none=True, exclude=without)
    asked = plain(asked | {"reference_images": [by_bytes(image) for image in asked["reference_images"]]})
    try:
        text = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(text).digest()


@given(BODIES)
@example(
    {"model": "m", "duration_s": 5.0, "options": {"a": {"b": [1.0, 2.5, -0.0]}, "c": None, "d": {"e": None}}}
)
def test_the_quick_way_gives_the_digests_of_the_slow_way(body: dict[str, Any]) -> None:
    request = TaskRequest.model_validate_json(json.dumps(body))

    assert request_sha256(request) == slowly(request, set())
    assert fingerprint(request) == slowly(request, FILING)


def test_a_digest_of_long_ago_is_still_that_digest() -> None:
    asked = {"model": "m", "prompt": "雨中的纸船", "duration_s": 5.0, "metadata": {"b": "", "a": "x"}}
    request = TaskRequest.model_validate(asked | {"options": {"z": 1.0, "a": [None, True]}})

    assert request_sha256(request).hex()[:16] == "3b37573958a2e2f2"
    assert fingerprint(request).hex()[:16] == "ba9fbc215c097362"
