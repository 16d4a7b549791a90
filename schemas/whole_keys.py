"""Whole keys in a text that somebody pasted: named by kind and place, never repeated.

A key that was masked is welcome, because its two ends help to find whose it is. A whole one has no business
in a conversation: whoever reads that has the key. A signed link is no key; it is only hidden.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.redaction import secrets_in

_MOST = 20
_HEAD = 6
_TAIL = 4
_SHORTEST = 8
_KINDS = {
    "sk-": "API key",
    "sk_": "API key",
    "AIza": "Google API key",
    "AKIA": "AWS access key",
    "ASIA": "AWS access key",
    "AKLT": "Volcengine access key",
    "AKID": "Tencent Cloud access key",
    "ya29.": "Google access token",
    "hf_": "Hugging Face key",
    "gsk_": "Groq key",
    "ghp_": "GitHub key",
    "github_pat_": "GitHub key",
    "whsec_": "secret of a webhook",
    "nvapi-": "NVIDIA key",
    "bce-v3/": "Baidu Cloud key",
    "bfl_": "API key",
    "vda_": "Vidu key",
    "-----BEGIN": "private key",
    "LTAI": "Alibaba Cloud access key",
    "eyJ": "signed token",
    "r8_": "Replicate key",
    "fal_": "fal key",
    "key_": "API key",
    "xai-": "xAI key",
    "ct_live_": "key of this service",
    "ct_test_": "key of this service",
}
# What comes before the value of a parameter in a signed link.
_IN_A_LINK = re.compile(r"[?&;][\w.-]{1,60}=$|://$")

# What is called a key is none where it is a word; many an id is called one, too.
_RUN = re.compile(r"[\w+/.=:-]{8,}+")
_LONG = 20
_IS_AN_ID = re.compile(
    r"key[-_](?![A-Za-z0-9]{64,}+$)(?!(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=\D*\d)[A-Za-z0-9]{20,}+$).*",
    re.DOTALL,
)

_SCHEME = re.compile(r"^[\s:]*(?:(?:Key|Bearer|Basic|Token)\s{1,8})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WholeKey:
    """Where a whole key stands, from 1, and how it begins and ends: that much a mask shows too."""

    kind: str
    line: int
    column: int
    head: str
    tail: str


def whole_keys(text: str) -> list[WholeKey]:
    """The keys in a text that anybody who reads it could use."""
    return [
        WholeKey(
            _kind(value),
            text.count("\n", 0, start) + 1,
            start - text.rfind("\n", 0, start),
            *_ends(value),
        )
        for start, value in _found(text)
    ][:_MOST]


def complete_key(text: str) -> str | None:
    """Head and tail of the first of them: people see which one they showed."""
    key = next((value.strip() for _, value in _found(text)), None)
    return f"{key[:4]}…{key[-4:]}" if key else None


def _found(text: str) -> Iterator[tuple[int, str]]:
    for start, end in secrets_in(text):
        value = _SCHEME.sub("", text[start:end])
        if _is_opaque(value) and not _is_part_of_a_link(text[max(start - 80, 0) : start], value):
            yield start, value


def _is_opaque(value: str) -> bool:
    if len(value) < _SHORTEST or _IS_AN_ID.fullmatch(value):
        return False
    runs = _RUN.findall(value)
    return any(len(run) >= _LONG or any(map(str.isdigit, run)) for run in runs)


def _is_part_of_a_link(before: str, value: str) -> bool:
    quiet = _kind(value) == "credential" or _kind(value).endswith("access key")
    return quiet and _IN_A_LINK.search(before) is not None


def _kind(value: str) -> str:
    return next((kind for start, kind in _KINDS.items() if value.startswith(start)), "credential")


def _ends(value: str) -> tuple[str, str]:
    """Nothing of a short one: its ends would be most of it."""
    return (value[:_HEAD], value[-_TAIL:]) if len(value) >= 4 * _HEAD else ("", "")
