"""Every kind of failure answers everything that people ask, in words that anybody can read."""

import re

import pytest

from schemas.failures import (
    EVIDENCE,
    MEANINGS,
    Answer,
    Evidence,
    FailureKind,
    Layer,
    Mover,
    Sort,
    access,
    asked,
    evidence_for,
    made,
    may_send_again,
    ours,
)
from schemas.lifecycle import Spend

PARTS = ("words", "check", "admin", "escalate", "prevent")

# What a person who is no programmer would have to look up.
JARGON = re.compile(
    r"(?i)\b(?:upstream|http|https|api|json|xml|url|endpoint|payload|token|tls|ssl|dns|tcp|proxy error|4xx|5xx|"
    r"[45]\d\d|exception|null|retry|retries|backoff|socket|header|enum|schema|async|queue_\w+|idempotent|"
    r"latency|throttl\w+|stack ?trace|regex)\b"
)
# "Your mistake", and what sounds like it.
BLAME = re.compile(
    r"(?i)\b(?:your|user'?s?|customer'?s?) (?:fault|mistake|error)|\byou (?:forgot|failed|should have|did not)\b|"
    r"\b(?:illegal|forbidden|violat\w+|abus\w+|stupid|wrongly)\b|您的错|你的错|违规|非法|违法|您忘记|滥用"
)
# What nobody can keep.
PROMISE = re.compile(
    r"(?i)\b(?:(?<!as )soon|shortly|immediately|guarantee\w*|certainly|promise\w*|in (?:a few|\d+) (?:seconds|minutes|hours)|"
    r"will (?:be (?:done|ready|fixed|finished)|work|succeed|pass))\b|马上|很快|立即恢复|保证|一定会|预计|稍后即可|\d+ ?分钟"
)


def sentences():
    for kind, meaning in MEANINGS.items():
        for part in PARTS:
            said = getattr(meaning, part)
            yield pytest.param(said.en, said.zh, id=f"{kind.value}-{part}")
    for one, said in EVIDENCE.items():
        yield pytest.param(said.en, said.zh, id=one.value)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_answers_everything(kind):
    meaning = MEANINGS[kind]

    assert meaning.sort in Sort
    assert meaning.layer in Layer
    assert meaning.whose_move in Mover
    for part in PARTS:
        said = getattr(meaning, part)
        assert said.en.endswith((".", "?")), part
        assert said.zh.endswith("。"), part
        assert re.search(r"[\u4e00-\u9fff]", said.zh), part
        assert max(len(said.en), 2 * len(said.zh)) <= 130, f"{part} can be said in one breath"


def test_each_kind_is_told_in_one_place():
    told = [kind for part in (access, asked, made, ours) for kind in part.MEANINGS]

    assert len(told) == len(set(told)) == len(FailureKind)
    assert set(EVIDENCE) == set(Evidence)


@pytest.mark.parametrize(("en", "zh"), list(sentences()))
def test_words_hold_no_jargon_no_blame_and_no_promise(en, zh):
    for told in (en, zh):
        assert not JARGON.search(told)
        assert not BLAME.search(told)
        assert not PROMISE.search(told)


def test_the_guard_over_words_finds_what_it_looks_for():
    assert JARGON.search("the endpoint answered 503")
    assert BLAME.search("this is your mistake")
    assert BLAME.search("内容违规")
    assert PROMISE.search("it will be ready in 5 minutes")
    assert PROMISE.search("马上好")


@pytest.mark.parametrize("kind", FailureKind)
def test_what_must_be_put_right_first_is_never_said_to_pass_by_itself(kind):
    meaning = MEANINGS[kind]

    if meaning.sort in (Sort.CONFIGURATION_MISTAKE, Sort.UNKNOWN):
        assert not meaning.transient
        assert not may_send_again(kind, Spend.NOT_CREATED)


def test_what_was_not_recognised_promises_nothing():
    unknown = MEANINGS[FailureKind.UNKNOWN]

    assert (unknown.sort, unknown.layer, unknown.spent) == (Sort.UNKNOWN, Layer.UNKNOWN, Answer.UNKNOWN)
    assert not unknown.transient


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (FailureKind.RATE_LIMITED, {Evidence.ACCOUNT, Evidence.KEY, Evidence.REQUEST_RATE, Evidence.MODEL}),
        (FailureKind.TIMEOUT, {Evidence.TIME, Evidence.INPUT_SIZE, Evidence.TRIES}),
        (FailureKind.STREAM_INTERRUPTED, {Evidence.CLIENT, Evidence.STREAMING}),
        (FailureKind.UPSTREAM_INTERNAL, {Evidence.TASK, Evidence.PARAMETERS}),
        (FailureKind.CONTENT_POLICY_INPUT, {Evidence.PROMPT, Evidence.REFERENCE_IMAGE}),
        (FailureKind.QUOTA_EXHAUSTED, {Evidence.KEY, Evidence.BALANCE}),
    ],
)
def test_each_kind_of_trouble_names_the_evidence_that_settles_it(kind, needed):
    assert needed <= set(evidence_for(kind))


@pytest.mark.parametrize("kind", FailureKind)
def test_evidence_is_named_once_and_always_with_the_exact_words(kind):
    needed = evidence_for(kind)

    assert Evidence.EXACT_WORDS in needed
    assert Evidence.REQUEST_IDS in needed
    assert len(needed) == len(set(needed))
