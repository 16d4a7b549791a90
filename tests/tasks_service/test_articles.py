"""A draft says what is on record, in two languages, names nobody and promises nothing."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.failure_groups import GroupState, Phase
from schemas.failures import MEANINGS, FailureKind, Sort
from tasks_service.article_words import ARTICLE_EN, ARTICLE_ZH
from tasks_service.articles import article
from tasks_service.explanation import Language
from tasks_service.ledger.failures import Charged, Group

GROUP = Group(
    key="v1:0123456789abcdef0123",
    provider="kling",
    phase=Phase.POLL,
    kind=FailureKind.REFERENCE_IMAGE_INVALID,
    status_class="4xx",
    code="1201",
    words="image of acme-films is {#}, at least {#} are needed",
    state=GroupState.KNOWN,
    muted_until=None,
    changes=1,
    cases=118,
    first_at=datetime(2026, 11, 20, 13, 2, tzinfo=UTC),
    last_at=datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
    accounts=41,
    routes=("gateway-eu",),
    charged=Charged(yes=1, no=115, unknown=2),
)
CHINESE = re.compile("[\u4e00-\u9fff]")
PROMISES = re.compile(
    r"(?i)\bwill be (?:fixed|refunded|restored|ready|over)|\bwithin \d+ |guarantee|we promise"
    r"|\d+ ?(?:分钟|小时|天)内|马上就|很快就|保证|一定会退"
)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_has_a_draft_without_promises(kind, language):
    text = article(replace(GROUP, kind=kind, words="", code=None), [], language)

    assert text.startswith("# ")
    assert text.count("\n## ") == 7
    assert not PROMISES.search(text)
    assert bool(CHINESE.search(text)) is (language is Language.ZH)
    said = MEANINGS[kind].prevent
    assert (said.zh if language is Language.ZH else said.en) in text


@pytest.mark.parametrize("language", Language)
def test_a_draft_holds_the_facts_of_its_group(language):
    text = article(GROUP, [], language)

    for fact in (
        "118",
        "2026-11-20 13:02",
        "2026-11-21 08:30",
        "`4xx`",
        "`1201`",
        "`kling`",
        GROUP.key,
        "115",
    ):
        assert fact in text


def test_nobody_is_named_whatever_the_upstream_said():
    words = "route gateway-eu of ACME-Films. is not acme-films-2 (globex_1)"
    text = article(replace(GROUP, words=words, code="acme-films"), ["acme-films", "globex_1"], Language.EN)

    assert "route {name} of {name}. is not acme-films-2 ({name})" in text
    assert "code `{name}`" in text


@pytest.mark.parametrize("words", ["```\n# not ours", "`````` x", "a\x1b[2Jb\u202e", "` ` `"])
def test_the_upstreams_words_stay_in_their_block(words):
    text = article(replace(GROUP, words=words, code="`x`\n# y"), [], Language.EN)

    [block] = re.findall(r"^(`{3,})text\n(.*)\n\1$", text, re.MULTILINE)
    assert block[0] not in block[1]
    assert "\n# not ours" not in text
    assert "\x1b" not in text
    assert "`x# y`" in text


@pytest.mark.parametrize("words", [ARTICLE_EN, ARTICLE_ZH])
def test_there_is_a_sentence_for_every_phase_and_sort(words):
    assert (set(words.phases), set(words.sorts)) == (set(Phase), set(Sort))
