"""What somebody pasted into the one box: ids, masked keys, words; or a secret, which is refused.

Pure shape: whether a token is somebody's id is for the ledger to say. An error text is full of tokens, so a
few too many are taken rather than one too few: each costs one look into an index.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from schemas.ids import parse_task_id

# A line longer than this, or several, is a text that was copied, and not words that were typed.
_TYPED = 80
_MOST_TOKENS = 64
_LONGEST_TOKEN = 255
_LONGEST_WORD = 200

_TASK = re.compile(r"(?i)(?<![a-z0-9])tsk_[0-9a-z]{26}(?![a-z0-9])")
_UUID = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/+=~-]{3,254}")
_SEPARATOR = re.compile(r"[:=/]+")
_AT_THE_END = ".:=/,;"
# What people and upstreams leave of a key when they mask it.
_MASK = re.compile(
    r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{4,40})(?:\*{2,64}|…|\.{3,6})([A-Za-z0-9_-]{2,12})(?![A-Za-z0-9_*-])"
)
_LABELLED = re.compile(
    r"(?i)\b(?:x-)?(?:request|trace|log)[-_ ]?id\\{0,4}[\"']?\s{0,4}[:=：]\s{0,4}\\{0,4}[\"']?"
    r"([A-Za-z0-9][A-Za-z0-9_.:@/+=~-]{5,127})"
)
# Quotes of a program's text end a sentence; so do brackets, lines, addresses and whatever has a digit in it.
_MARKS = r"\"“”{}\[\]()（）<>\\|"
# Each run of letters is gone through once: whatever has a digit in it is taken from its beginning.
_BETWEEN_PROSE = re.compile(
    rf"[{_MARKS}\r\n\t]+|(?<![a-z])[a-z]{{1,12}}+://\S+|(?<![^\s{_MARKS}])[^\s{_MARKS}0-9]*+[0-9][^\s{_MARKS}]*"
)
_SENTENCE = re.compile(r"\s|[\u2e80-\U0003ffff]")
_QUOTED = re.compile(r"[\"“]([^\"“”]{1,200})[\"”]")


@dataclass(frozen=True, slots=True)
class Mask:
    """A key of which only head and tail are left."""

    text: str
    head: str
    tail: str


@dataclass(frozen=True, slots=True)
class Pasted:
    """What was read out of a text."""

    task_ids: tuple[tuple[str, UUID], ...]
    tokens: tuple[str, ...]
    labelled: tuple[str, ...]  # what the text itself calls a request id
    masks: tuple[Mask, ...]
    words: tuple[str, ...]


def read_pasted(text: str) -> Pasted:
    """Everything in a text by which a task may be found."""
    text = text.strip()
    copied = len(text) > _TYPED or "\n" in text
    masks = tuple(Mask(found[0], found[1], found[2]) for found in _MASK.finditer(text))
    return Pasted(
        task_ids=tuple(_task_ids(text)),
        tokens=tuple(_tokens(text)),
        labelled=tuple(dict.fromkeys(_clean(found) for found in _LABELLED.findall(text))),
        masks=masks,
        words=_prose(text) if copied else _typed(text),
    )


def like(word: str) -> str:
    """The word anywhere; what LIKE would take for a wildcard is a letter here."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _task_ids(text: str) -> list[tuple[str, UUID]]:
    shown = [text] if parse_task_id(text) else _TASK.findall(text)
    found = [(one, parse_task_id(one)) for one in shown] + [(one, UUID(one)) for one in _UUID.findall(text)]
    return [(one, task_id) for one, task_id in dict.fromkeys(found) if task_id][:_MOST_TOKENS]


def _tokens(text: str) -> list[str]:
    """The whole text, because an id may have blanks; then the parts of it that could be one."""
    found = [text] if len(text) <= _LONGEST_TOKEN else []
    for run in _TOKEN.findall(text):
        whole = _clean(run)
        parts = [_clean(part) for part in _SEPARATOR.split(whole)]
        found += [one for one in (whole, *parts) if _may_be_an_id(one)]
    return list(dict.fromkeys(found))[:_MOST_TOKENS]


def _clean(token: str) -> str:
    return token.rstrip(_AT_THE_END)


def _may_be_an_id(token: str) -> bool:
    return len(token) >= 5 and (
        len(token) >= 16 or any(letter.isdigit() or letter in "_-" for letter in token)
    )


def _typed(text: str) -> tuple[str, ...]:
    """Every word by itself; what stands in quotation marks stays together."""
    quoted = [" ".join(found.split()) for found in _QUOTED.findall(text)]
    rest = _QUOTED.sub(" ", text).split()
    return tuple(dict.fromkeys(word[:_LONGEST_WORD] for word in [*quoted, *rest] if word))


def _prose(text: str) -> tuple[str, ...]:
    """The longest piece of a copied text that is the same in all its cases: no ids, numbers, addresses."""
    pieces = [piece.strip(" '`.,:;，。：；=-") for piece in _BETWEEN_PROSE.split(text)]
    # A single word is most likely the name of a member.
    longest = max(pieces, key=lambda piece: (_SENTENCE.search(piece) is not None, len(piece)), default="")
    return (longest[:_LONGEST_WORD],) if len(longest) > 1 else ()
