"""Whatever the quick look at a body lets pass, the careful one lets pass too, as the same value."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.refusals import MalformedRequest
from tasks_service.api.body import MAX_DEPTH, MOST_PARTS, expect_sound, is_plainly_sound, parse
from tests.benchmarks import submit
from tests.tasks_service.api.conftest import wish

from .test_bodies import BAD, deep

NAMES = (
    "a",
    "b",
    "\\u0061",
    'a\\":',
    "a\\\\",
    "",
    "雨",
    "\\u0000",
    "\\ud800",
    "\\ud83d\\ude00",
    "a\\u00e9",
    "é",
)
WORDS = (
    *NAMES,
    'x\\" :',
    '{\\"a\\":1,\\"a\\":2}',
    "16:9",
    "https://a.test",
    "\x00",
    "\x1f",
    "\x7f",
    "\ud800",
    "\\x",
)
NUMBERS = (
    "0", "-0", "5.0", "1e400", "1E5", "-1e308", "01", "1.", "+1", "NaN", "-Infinity", "null", "true",
    *(str(sign * (1 << bits) + more) for sign in (1, -1) for bits in (53, 63, 64) for more in (-1, 0, 1)),
    f"{1 << 63}.5", "9" * 400, "9" * 5000,
)  # fmt: skip
SPACES = st.sampled_from(("", "", "", " ", "\n\t", "\r", "\f", "\u00a0"))


def spaced(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The parts, with white space around each; not all of it is JSON's."""
    return st.tuples(*(part for one in parts for part in (SPACES, one, SPACES))).map("".join)


def strings(of: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(of).map('"{}"'.format)


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = spaced(strings(NAMES), st.just(":"), inner)
    return st.lists(member, max_size=4).map(lambda found: f"{{{','.join(found)}}}") | st.lists(
        spaced(inner), max_size=3
    ).map(lambda found: f"[{','.join(found)}]")


TEXTS = spaced(st.recursive(strings(WORDS) | st.sampled_from(NUMBERS), containers, max_leaves=12))
PIECES = st.lists(st.sampled_from([*'{}[]:," \\', '"a":1', "\\u0000", "1e9", "\ufeff"]), max_size=12).map(
    "".join
)


def careful(body: bytes) -> Any:
    """What the careful look makes of a body, or that it refuses."""
    try:
        return parse(body)
    except MalformedRequest as refused:
        return refused


@given(TEXTS | PIECES)
@example('{"a":1,"a" :2}')
@example('{"a":1,"\\u0061":2}')
@example('{"a":{"b":1},"a":{"b":1}}')
@example('{"x":"\\":","x":1}')
def test_what_passes_at_a_glance_is_what_it_seems(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")

    if is_plainly_sound(body):
        # As text, because 1, 1.0 and true are equal.
        assert repr(careful(body)) == repr(orjson.loads(body))


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_is_refused_as_before(name: str) -> None:
    body, refused = BAD[name][0], careful(BAD[name][0])
    if isinstance(refused, MalformedRequest):
        with pytest.raises(MalformedRequest) as found:
            expect_sound(body)
        assert (found.value.detail, found.value.members) == (refused.detail, refused.members)
    else:
        expect_sound(body)  # its form is wrong, not its JSON


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_nearly_everybody_sends_passes_at_a_glance(escaped: bool, indent: int | None) -> None:
    for asked in (wish(options={"a": [1, 2.5, {"b": None}]}), json.loads(submit.body())):
        assert is_plainly_sound(json.dumps(asked, ensure_ascii=escaped, indent=indent).encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[%s]}' % b",".join([b"[]"] * MAX_DEPTH),
        b'{"a":"\\":"}',
        b'{"a":%d}' % -(1 << 63),
        b'{"a":"%s"}' % (b"x" * MOST_PARTS),
        b'{"a":"\\\\u0000"}',
    ],
)
def test_what_only_looks_doubtful_passes_the_careful_look(body: bytes) -> None:
    assert not is_plainly_sound(body)
    assert not isinstance(careful(body), MalformedRequest)
    expect_sound(body)


@pytest.mark.parametrize(("more", "sound"), [(-2, True), (-1, False)])
def test_depth_is_counted_alike(more: int, sound: bool) -> None:
    body = deep(MAX_DEPTH + more)

    assert is_plainly_sound(body) == (not isinstance(careful(body), MalformedRequest)) == sound
