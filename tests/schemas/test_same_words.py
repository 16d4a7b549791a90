"""The same trouble reads the same, whatever differs from case to case; other troubles read otherwise."""

import json
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.failure_groups import is_key, trouble_of
from schemas.failures import Failure, FailureKind
from schemas.lifecycle import State
from schemas.same_words import same_words
from tests.work import a_second_of_work_at_most


def case(seed):
    """What differs from case to case."""
    of = random.Random(seed)
    letters = "0123456789abcdefghijkmnpqrstuvwxyz"

    def word(longest, alphabet=letters):
        return "".join(of.choices(alphabet, k=of.randint(4, longest)))

    return {
        "uuid": UUID(int=of.getrandbits(128)),
        "hex": "0a" + word(30, "0123456789abcdef") + "3",
        "short": word(8, "0123456789") if of.random() < 0.5 else f"8f{word(9, '0123456789abcdef')}4e",
        "n": of.randrange(10 ** of.randint(1, 7)),
        "m": of.randrange(10 ** of.randint(1, 4)),
        "byte": of.randrange(256),
        "request": f"20260204{of.randrange(10**6):06}{word(12)}",
        "prompt": " ".join(word(8, "abcdefgh一只红色风筝") for _ in range(of.randint(2, 9))),
        "at": datetime(2026, 1, 1, tzinfo=UTC)
        + timedelta(seconds=of.randrange(10**8), microseconds=of.randrange(10**6)),
        "path": f"{word(30)}/{word(30)}.png?sig={word(9)}",
        "tail": word(4),
    }


SAME = [
    "The image is {n} x {m} px, at least 300 px are needed (request id: {request})",
    "Task {uuid} was not found",
    "job {short} does not exist any more",
    "task cgt-20251121{m:06}-x7k2p expired after {m} s",
    "Could not fetch https://cdn.example.com/{path}: timeout after {m}ms",
    'The prompt "{prompt}" was rejected by the safety system. Request ID: {uuid}',
    "提示词“{prompt}”未通过审核（请求编号：{request}）",
    "图片大小 {m}.5MB 超过 10MB，任务ID：{hex}",
    "用户剩余额度: ＄{m}.533620, 需要预扣费额度: ＄{n}.25 (request id: {request})",
    "Incorrect API key provided: sk-ab***{tail}. [sk-zoj***{tail}]",
    "at {at}: no answer from 10.0.0.{byte}:8443 in {n} seconds",
    '{{"error":{{"code":"image_too_small","message":"{n} px","request_id":"{uuid}"}}}}',
    '{{"request_id":"{hex}","message":"prompt \\"{prompt}\\" refused","code":1201}}',
]


UNQUOTED = [
    ("your prompt contains {}", "your prompt contains {quoted}"),
    ("Rejected. Prompt: {}", "rejected. prompt: {quoted}"),
    ("敏感词：{}", "敏感词:{quoted}"),
    ("命中违禁词: {}", "命中违禁词: {quoted}"),
    ("prompt contains banned words: {}", "prompt contains banned words: {quoted}"),
]


@pytest.mark.parametrize(("template", "words"), UNQUOTED)
def test_a_prompt_is_taken_out_though_nobody_quoted_it(template, words):
    told = {
        same_words(template.format(said)) for said in ("a red kite, over the sea", "红色风筝", "blood 12")
    }

    assert told == {words}


@pytest.mark.parametrize(
    "said",
    [
        "prompt contains sensitive words",
        "prompt: must not be empty",
        "prompt: field required",
        "提示词包含敏感内容",
        "the prompt was too long",
    ],
)
def test_what_is_said_of_a_prompt_stays(said):
    assert "quoted" not in same_words(said)


def test_a_prompt_that_nobody_quoted_is_taken_out_in_linear_time():
    with a_second_of_work_at_most():
        for part in ("prompt: ", "prompt contains a ", "敏感词:红"):
            same_words(part * (20000 // len(part)))


@pytest.mark.parametrize("template", SAME)
@given(one=st.integers(), other=st.integers())
@settings(max_examples=60, deadline=None)
def test_what_differs_from_case_to_case_is_left_out(template, one, other):
    assert same_words(template.format(**case(one))) == same_words(template.format(**case(other)))


DIFFERENT = [
    "Parameter 'duration' must be one of 5, 10",
    "Parameter 'ratio' must be one of 16:9, 9:16",
    "参数“时长”不支持",
    "参数“比例”不支持",
    "model kling-v2-6 not found",
    "model sora-2 not found",
    "model doubao-seedance-1-0-pro-250528 not found",
    "error code: 1201",
    "error code: 1303",
    "request failed with status code 502",
    "request failed with status code 504",
    "502 Bad Gateway",
    "504 Gateway Timeout",
    '{"code": 1201, "message": "failed"}',
    '{"code": 1303, "message": "failed"}',
    "{'error': {'message': 'You exceeded your quota', 'code': 'insufficient_quota'}}",
    "{'error': {'message': 'You exceeded your quota', 'code': 'billing_hard_limit'}}",
    "当前分组上游负载已饱和，请稍后再试",
    "余额不足，请充值",
    "",
]


def test_what_tells_one_trouble_from_another_stays():
    assert len({same_words(text) for text in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Token amount has been exhausted! [sk-zoj***Vj8] RemainQuota = 0 (request id: 20260204101112345f4JzK)",
            "token amount has been exhausted! [{key}] remainquota = {#}",
        ),
        ("参数“时长”不支持 7 秒，可用值 5、10 秒。", "参数“时长”不支持 {#},可用值 {#}"),
        ('The prompt "a red kite" was refused.', "the prompt {quoted} was refused"),
        ("<html><head><title>502 Bad Gateway</title></head></html>", "502 bad gateway"),
        ("Ｒａｔｅ　limit  EXCEEDED\n\ttry later", "rate limit exceeded try later"),
        ("don't, it isn't 5's", "don't, it isn't {#}'s"),
    ],
)
def test_what_stays_can_be_read(text, words):
    assert same_words(text) == words


@pytest.mark.parametrize("span", ["20s", "864ms", "6m0s", "1m12.5s", "7h12m0s", "1d2h"])
def test_a_span_of_time_is_one_amount_in_whatever_units(span):
    assert same_words(f"Please try again in {span}.") == "please try again in {#}"


def test_json_reads_the_same_in_any_order_and_spelling():
    body = {"error": {"message": "No balance left", "code": "E1", "param": None}}
    wrapped = {"error": {"code": "E1", "param": None, "message": "No  balance LEFT"}}

    assert same_words(json.dumps(body)) == same_words(json.dumps(wrapped, indent=3))


def test_a_secret_behind_the_escapes_of_json_does_not_come_to_light():
    secret = "sk-AbCdEfGhIjKlMnOpQr"
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in secret)

    words = same_words(f'{{"message": "wrong key {escaped}, Bearer {escaped}"}}')

    assert "abcdefgh" not in words
    assert "wrong key" in words


@given(text=st.text(max_size=300), wrapped=st.booleans())
def test_any_text_has_words_that_can_be_kept_and_not_many(text, wrapped):
    words = same_words(json.dumps({"message": text}) if wrapped else text)

    assert len(words) <= 400
    assert words == words.strip()
    assert words.isprintable()


def test_what_json_spells_and_a_database_does_not_take_is_left_out():
    assert same_words('{"message": "a\\u0000b \\ud800 c"}') == "message: ab c"


HOSTILE = [
    '"', "'", "“", "「", "`", "a-", "1:", "a", "http://", "a@", "a.", "request id: ", "{n},", "***", "\\", "<a", "mon 1 jan ",
    "2025-1-1 ", "1:1:1 ", "{", "[", "(", "code ", "sk-", "é", "ﷺ", '{"a":', '["', "\u202e", "1", "prompt '", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("before", ["", "<x", '{"a":', "prompt “"])
@pytest.mark.parametrize("again", HOSTILE)
def test_no_text_is_expensive(again, before):
    text = before + again * (1_000_000 // len(again))
    with a_second_of_work_at_most():  # about 0.01 s
        same_words(text)


FACTS = {
    "message": "too small: 256 px", "code": "E451", "status": 400, "kind": FailureKind.PARAMETER_INVALID,
    "provider": "kling", "origin": State.QUEUED,
}  # fmt: skip


def key(**changes):
    facts = FACTS | changes
    failure = Failure(facts["kind"], facts["message"], facts["code"], facts["status"], "req-1")
    return trouble_of(facts["provider"], facts["origin"], failure).key


@pytest.mark.parametrize(
    "change",
    [
        {"code": "E452"}, {"code": None}, {"status": 500}, {"status": None}, {"provider": "sandbox"},
        {"kind": FailureKind.REFERENCE_IMAGE_INVALID}, {"origin": State.SUBMITTED}, {"origin": State.DONE},
        {"message": "too large: 256 px"}, {"message": ""},
    ],
)  # fmt: skip
def test_each_fact_makes_another_trouble(change):
    assert is_key(key())
    assert key(**change) != key()


@pytest.mark.parametrize(
    "change", [{"message": "Too small:  1024px."}, {"status": 422}, {"origin": State.RUNNING}]
)
def test_what_says_the_same_is_the_same(change):
    assert key(**change) == key()


def test_two_thousand_failures_of_one_trouble_are_one_group():
    said = (
        f'Image {UUID(int=n * 7919 << 64)} at https://h/{n}/x.png is {n} px wide, for "kite number {n} in red" '
        f"(request id: 20260101{n:06}aB{n:04}xYz)"
        for n in range(2000)
    )

    assert len({key(message=message) for message in said}) == 1


@pytest.mark.parametrize("origin", [State.SUBMITTED, State.RUNNING])
def test_whose_end_was_asked_for_is_in_no_group(origin):
    assert trouble_of("kling", origin, Failure(FailureKind.CANCELED)) is None


@pytest.mark.parametrize(
    "name", ["v1:abc", "v1:" + "g" * 20, "v1:" + "a" * 21, "x", "", "v1:" + "a" * 20 + "\n"]
)
def test_what_is_no_name_of_a_group_is_none(name):
    assert not is_key(name)
