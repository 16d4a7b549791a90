"""Whole keys in a text that somebody pasted: named by kind and place, never repeated.

A key that was masked is welcome, because its two ends help to find whose it is. A whole one has no business
in a conversation: whoever reads that has the key. A signed link is no key; it is only hidden.
"""

import re
from dataclasses import dataclass

from schemas.redaction import secrets_in

_MOST = 20
_HEAD = 6
_SHORTEST = 8
_KINDS = {
    "sk-": "API key",
    "sk_": "API key",
    "AIza": "Google API key",
    "AKIA": "AWS access key",
    "ASIA": "AWS access key",
    "AKLT": "Volcengine access key",
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

_SCHEME = re.compile(r"^[\s:]*(?:(?:Key|Bearer|Basic|Token)\s{1,8})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WholeKey:
    """Where a whole key stands, from 1, and how it begins: that much a mask shows too."""

    kind: str
    line: int
    column: int
    head: str


def whole_keys(text: str) -> list[WholeKey]:
    """The keys in a text that anybody who reads it could use."""
    found = ((start, _SCHEME.sub("", text[start:end])) for start, end in secrets_in(text))
    return [
        WholeKey(
            _kind(value), text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), _head(value)
        )
        for start, value in found
        if len(value) >= _SHORTEST and not _is_part_of_a_link(text[max(start - 80, 0) : start], value)
    ][:_MOST]


def _is_part_of_a_link(before: str, value: str) -> bool:
    quiet = _kind(value) == "credential" or _kind(value).endswith("access key")
    return quiet and _IN_A_LINK.search(before) is not None


def _kind(value: str) -> str:
    return next((kind for start, kind in _KINDS.items() if value.startswith(start)), "credential")


def _head(value: str) -> str:
    """Nothing of a short one: its head would be most of it."""
    return value[:_HEAD] if len(value) >= 4 * _HEAD else ""
