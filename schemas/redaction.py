"""What must never be stored or shown, taken out where evidence is written.

Known secrets go first, by exact match; then everything that looks like one. Running it twice changes
nothing, and masks that an upstream put there itself stay as they are.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

HIDDEN = "[redacted]"

_SIGNED = (
    r"sig|signature|token|key|api_key|apikey|access_token|secret|password|expires|policy|credential|"
    r"x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|x-goog-credential|"
    r"x-tos-signature|x-tos-credential|x-oss-signature|ossaccesskeyid|key-pair-id"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # whole header values
    (re.compile(r"(?i)\b(bearer|basic)\s+(?!\[redacted\])[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\b((?:set-)?cookie)(\"?\s*[:=]\s*\"?)(?!\[redacted\])[^\r\n\"]+"), rf"\1\2{HIDDEN}"),
    # JSON Web Tokens
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
    # vendors' keys by their prefixes; a masked key (sk-ab***yz) holds stars and does not match
    (re.compile(r"\b(?:sk|pk|rk|key|fal|r8|ct_live|ct_test|xai|luma)[-_][A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{20,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA|AKLT|LTAI)[A-Za-z0-9]{12,}"), HIDDEN),
    # parameters of signed links
    (re.compile(rf"(?i)([?&](?:{_SIGNED})=)(?!\[redacted\])[^&\s\"'<>\\]+"), rf"\1{HIDDEN}"),
    # user and password in an address
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/@\s\"']+@"), rf"\1{HIDDEN}@"),
)
_DATA_URI = re.compile(r"data:([a-z]+/[a-z0-9.+-]+)?;base64,([A-Za-z0-9+/=_-]{32,})", re.IGNORECASE)


class Redactor:
    """Takes known secrets and everything that looks like one out of a text."""

    def __init__(self, secrets: Iterable[str] = ()):
        spellings = {spelling for secret in secrets if len(secret) >= 6 for spelling in _spellings(secret)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without secrets; everything else stays byte for byte."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _DATA_URI.sub(_digest_of_data, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def without_link(text: str, link: str) -> str:
    """The text without an address whose path may itself be the key to a file; scheme and host stay."""
    for spelling in (link, link.replace("/", "\\/"), link.replace("&", "\\u0026")):
        text = text.replace(spelling, hidden_link(link))
    return text


def hidden_link(link: str) -> str:
    """What may be shown of a signed address."""
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}"


def _spellings(secret: str) -> Iterable[str]:
    yield secret
    yield quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield secret.replace("\\", "\\\\").replace('"', '\\"')


def _digest_of_data(found: re.Match[str]) -> str:
    digest = hashlib.sha256(found[2].encode()).hexdigest()[:16]
    return f"data:{found[1] or ''};sha256={digest};characters={len(found[2])}"
