"""What is a key by its own looks, wherever it stands: one pattern a shape, each of linear time."""

import re

HIDDEN = "[redacted]"

# A word starts here: after something else, or after an escape whose last letter only looks like a word;
# also where an address is a part of another's query, and that of a third's.
_PERCENT = "|".join(rf"(?<=%{'25' * depth}[0-9A-Fa-f]{{2}})" for depth in range(3))
START = rf"(?:(?<![A-Za-z0-9_])|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{{4}})|{_PERCENT})"

_SLASH = "(?:/|%(?:25){0,2}2[Ff])"


def _word(beginning: str) -> str:
    """A word that begins so; its letters are looked at first, since most of a text is none of them."""
    return rf"(?={beginning}){START}{beginning}"


KEYS: tuple[tuple[re.Pattern[str], str], ...] = (
    # JSON Web Tokens; up to three short words may be joined before one
    (
        re.compile(
            rf"({START}(?<!-)(?:[A-Za-z0-9]{{1,20}}+[-_]){{0,3}}?)"
            r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?"
        ),
        rf"\1{HIDDEN}",
    ),
    # vendors' keys by their prefixes; a masked key (sk-ab***yz) holds stars and does not match
    (re.compile(rf"{_word('sk[-_]')}[A-Za-z0-9_-]{{16,}}+"), HIDDEN),
    (
        re.compile(
            _word(
                "(?:pk|rk|fal|r8|ct_live|ct_test|ct_bell|xai|luma|hf|gsk|bfl|vda|nvapi|whsec|gh[pousr]|github_pat)[-_]"
            )
            + r"(?=[a-z_-]{0,40}[0-9A-Z])[A-Za-z0-9_-]{16,}+"
        ),
        HIDDEN,
    ),
    (re.compile(rf"{_word('AIza')}[A-Za-z0-9_-]{{20,}}+"), HIDDEN),
    (re.compile(rf"{_word('(?:AKIA|ASIA|AKLT|AKID|LTAI)')}[A-Za-z0-9]{{12,}}+"), HIDDEN),
    # Baidu's: an id and a secret
    (re.compile(rf"{_word(f'bce-v3{_SLASH}ALTAK-')}[A-Za-z0-9]{{8,}}+{_SLASH}[0-9a-f]{{32,}}+"), HIDDEN),
    (re.compile(rf"{_word('ya29[.]')}[A-Za-z0-9_-]{{16,}}+"), HIDDEN),
    # fal's: an id and a secret; Zhipu's too
    (
        re.compile(
            rf"(?i){START}[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}:[0-9a-f]{{32,64}}+(?![0-9a-z_-])"
        ),
        HIDDEN,
    ),
    (re.compile(rf"{START}[0-9a-f]{{32}}\.[A-Za-z0-9]{{16}}(?![A-Za-z0-9_.-])"), HIDDEN),
    # whole blocks, also in JSON
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?!-----)(?:[A-Za-z0-9+/=\s:,-]|\\{1,15}[nrt/]))++"
            r"(?:-----END [A-Z ]{0,40}-----)?"
        ),
        HIDDEN,
    ),
)
