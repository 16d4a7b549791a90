"""Whether it is seen at a glance that a text hides nothing: most of what is logged is a word or two.

Looking for clues is quicker than looking for secrets, and whatever `redaction` takes out of ASCII holds one.
"""

import re
from collections.abc import Iterable

# All in lower case.
_WORDS = (
    "bearer", "basic", "base64", "eyj", "key", "token", "secret", "passw", "pwd", "authorization", "cookie",
    "altak", "aiza", "akia", "asia", "aklt", "akid", "ltai", r"ya29\.", "003d",
)  # fmt: skip
# What vendors' keys begin with, where a word begins. A backslash is a clue by itself: it may end an escape,
# behind which a word begins that does not look like one.
_BEGINNINGS = (
    "sk", "pk", "rk", "fal", "r8", "ct", "xai", "luma", "hf", "gsk", "bfl", "vda", "nvapi", "whsec",
    "ghp", "gho", "ghu", "ghs", "ghr", "github",
)  # fmt: skip
_LONGEST = 200


def _one_of(patterns: Iterable[str]) -> str:
    """By their first letters, since most letters of a text begin none of them."""
    by_letter: dict[str, list[str]] = {}
    for pattern in patterns:
        by_letter.setdefault(pattern[0], []).append(pattern[1:])
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())


_CLUE = re.compile(
    _one_of([*_WORDS, *(rf"{start}(?<![a-z0-9_]{'.' * len(start)})[-_]" for start in _BEGINNINGS)])
    # An id and a secret, seen from what stands between them.
    + r"|:(?<=[0-9a-f]{12}:)[0-9a-f]{32}|\.(?<=[0-9a-f]{32}\.)"
    + r"|[=%@'\"\\]"
)


def is_plain(text: str) -> bool:
    """Whether it is certain that nothing in a text looks like a secret."""
    return len(text) < _LONGEST and text.isascii() and _CLUE.search(text.lower()) is None
