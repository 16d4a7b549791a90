"""A draft for an article about one trouble, in Markdown: the facts of its group, and nobody's name.

Pure: the same group gives the same draft. It promises nothing; what a person adds or leaves out is theirs.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from schemas.failures import EVIDENCE, MEANINGS, Meaning, Said, evidence_for
from tasks_service.article_words import ARTICLE_EN, ARTICLE_ZH, ArticleWords
from tasks_service.explanation import Language
from tasks_service.ledger.failures import Group
from tasks_service.words import EN, ZH

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*[a-z0-9_-]|[a-z0-9]", re.IGNORECASE)
_SOMEBODY = "{name}"
_END = ".。"


def article(group: Group, names: Iterable[str], language: Language) -> str:
    """The draft. `names` are those of the accounts that have a case: upstreams may have said them."""
    words = ARTICLE_ZH if language is Language.ZH else ARTICLE_EN
    hidden = frozenset(name.lower() for name in (*names, *group.routes))
    meaning = MEANINGS[group.kind]
    sections = (
        (words.seen, _seen(group, meaning, words)),
        (words.upstream_said, _upstream_said(group, hidden, words)),
        (words.whose_move, _whose_move(meaning, words)),
        (words.check, _advice(meaning, words)),
        (words.prevent, [_said(meaning.prevent, words)]),
        (words.evidence, [f"- {_said(EVIDENCE[one], words)}" for one in evidence_for(group.kind)]),
        (words.on_record, _on_record(group, words)),
    )
    head = [f"# {_said(meaning.words, words).rstrip(_END)}", words.draft.format(group=group.key)]
    body = [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections]
    return "\n\n".join([*head, *body]) + "\n"


def _seen(group: Group, meaning: Meaning, words: ArticleWords) -> Iterator[str]:
    yield _said(meaning.words, words)
    yield words.phases[group.phase].format(provider=group.provider)


def _upstream_said(group: Group, hidden: frozenset[str], words: ArticleWords) -> Iterator[str]:
    facts = (
        (words.status_class, group.status_class),
        (words.code, group.code),
        (words.kind, group.kind.value),
    )
    if group.words:
        yield _fenced(_nameless(group.words, hidden))
        yield ""
        yield words.left_out
        yield ""
    else:
        yield f"{words.said_nothing}\n"
    yield words.joint.join(f"{name} `{_code(value, hidden)}`" for name, value in facts if value)


def _whose_move(meaning: Meaning, words: ArticleWords) -> Iterator[str]:
    movers = ZH.movers if words is ARTICLE_ZH else EN.movers
    yield words.gap.join((movers[meaning.whose_move], words.sorts[meaning.sort]))
    yield words.again if meaning.transient else words.not_again


def _advice(meaning: Meaning, words: ArticleWords) -> Iterator[str]:
    for who, advice in (
        (words.customer, meaning.check),
        (words.admin, meaning.admin),
        (words.escalate, meaning.escalate),
    ):
        yield f"- **{who}** {_said(advice, words)}"


def _on_record(group: Group, words: ArticleWords) -> Iterator[str]:
    charged = group.charged
    yield f"- {words.cases.format(cases=group.cases)}"
    yield f"- {words.times.format(first=_clock(group.first_at), last=_clock(group.last_at))}"
    yield f"- {words.charged.format(yes=charged.yes, no=charged.no, unknown=charged.unknown)}"


def _said(said: Said, words: ArticleWords) -> str:
    return said.zh if words is ARTICLE_ZH else said.en


def _nameless(text: str, hidden: frozenset[str]) -> str:
    return _NAME.sub(lambda found: _SOMEBODY if found[0].lower() in hidden else found[0], text)


def _fenced(text: str) -> str:
    """A block that the text cannot end, whatever an upstream wrote into it."""
    line = "".join(letter for letter in text if letter.isprintable())
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}text\n{line}\n{fence}"


def _code(text: str, hidden: frozenset[str]) -> str:
    line = "".join(letter for letter in text if letter.isprintable() and letter != "`")
    return _nameless(line, hidden)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
