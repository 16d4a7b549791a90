"""What must never be stored or shown, taken out where evidence is written.

Known secrets go first, by exact match; then everything that looks like one. Running it twice changes
nothing, and masks that an upstream put there itself stay as they are.

Evidence is JSON, often JSON inside JSON: quotes, slashes and `&` come with backslashes before them. Hostile
upstreams choose the text, so every pattern takes linear time: nothing unbounded starts again in the middle of
a run that was already tried, and what repeats is possessive or bounded.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from schemas import called_secrets, key_shapes
from schemas.clues import is_plain

HIDDEN = key_shapes.HIDDEN
_START = key_shapes.START

_ESCAPED = called_secrets.ESCAPED
_MASKED = called_secrets.MASKED
_SLASH = r"\\{0,15}/"

# What people write after Bearer and Basic when they speak of the scheme itself.
_PROSE = r"(?:auth(?:entication|orization)?|tokens?|credentials?|schemes?)(?![a-z0-9._~+/=-])"

_SECRETS = (
    r"(?:api|secret|private|auth)[-_]?key|access[-_]?key(?:[-_]?(?:id|secret))?|secret|passw(?:or)?d|"
    r"(?:access|refresh|id|auth|session|security|bearer)[-_]?token|authorization"
)
_NAMES = rf"(?:[a-z0-9_.-]{{0,40}}?(?:{_SECRETS}|cookie)|token|credentials?|jwt)"
_SIGNED = (
    rf"{_SECRETS}|sig|signature|token|key|auth|expires|policy|credential|jwt|hmac|client_secret|"
    r"x-(?:[a-z]{2,6}-)?(?:signature|credential|security-token)|(?:oss|aws)accesskeyid|key-pair-id|googleaccessid|"
    r"q-ak|q-signature|wssecret|txsecret|ak|sk|hdnts|hdnea"
)
# `?` and `&` as they are, in HTML, in the JSON of Go and .NET, and in an address inside another's query.
_BEFORE_PARAMETER = r"(?:[?&#]|&amp;|\\u0026|\\u003[fF]|%(?:25){0,2}(?:26|3[fF]))"

# To the end of a header's line. Quoted parameters (Digest realm="x") belong to it, but a quotation mark after
# the padding of base64 ends the JSON string that the line stands in.
_QUOTED = (
    r"=(?P<q>\\{0,15})\"(?![\s,:\]}])[^\"\\\r\n]*+(?P=q)\"(?=\s{0,4}(?:[,;]\s{0,4}[A-Za-z]|[\r\n]|$)|[\"\\])"
)
_LINE = rf"(?:[^\r\n\"\\=]++|{_QUOTED}|=|\\{{1,15}}+(?![\"rn\\]))++"


def _pair(mark: str) -> re.Pattern[str]:
    """A secret's name and its string, at any depth of JSON in JSON: group `b` is what escapes its quotes."""
    end = rf"(?P=b){mark}"
    escaped = rf"(?P=b)\\(?:(?P=b)\\(?P=b)\\)*+(?P=b){mark}"
    # An apostrophe may be one of prose: without its partner, its string ends where a JSON string does.
    value = rf"(?:[^{mark}\"\\\r\n]++|{escaped}|\\++(?![{mark}\"]))++"
    name = rf"(?<!\\)(?P<b>\\{{0,15}}){mark}{_NAMES}{end}\s{{0,8}}:\s{{0,8}}(?:\[\s{{0,8}})?b?{end}"
    return re.compile(rf"(?i)({name})(?!{_MASKED}){value}")


_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            rf"(?i)(?=b){_START}(bearer|basic)\s{{1,8}}+(?!{_MASKED}|{_PROSE})(?:[a-z0-9._~+/=-]|{_ESCAPED}){{8,}}+"
        ),
        rf"\1 {HIDDEN}",
    ),
    *key_shapes.KEYS,
    # Many an id is called so, too; and key_frame_interpolation_mode is no key.
    (re.compile(rf"(?=key){_START}key[-_](?=[a-z_-]{{0,40}}[0-9A-Z])[A-Za-z0-9_-]{{16,}}+"), HIDDEN),
    # parameters of signed links
    (
        re.compile(
            rf"(?i)({_BEFORE_PARAMETER}(?:{_SIGNED})(?:=|\\u003d|%(?:25){{0,2}}3d))(?!{_MASKED})"
            rf"(?:[^&\s\"'<>\\]|{_ESCAPED})++"
        ),
        rf"\1{HIDDEN}",
    ),
    # user and password in an address
    (re.compile(rf"(?<=[A-Za-z0-9])(:{_SLASH}{_SLASH})[^/\s\"'<>]+@"), rf"\1{HIDDEN}@"),
    # Whole values come last, so that nothing makes a short one long afterwards.
    # "api_key": "...", also in the words of Python
    (_pair('"'), rf"\1{HIDDEN}"),
    (_pair("'"), rf"\1{HIDDEN}"),
    # what proves a password; whatever follows it in the line
    (re.compile(r"(?i)(\bdigest\s[^\r\n]{0,300}?response=\\{0,15}\")[^\"\\\r\n]++"), rf"\1{HIDDEN}"),
    # headers, whole where the value may have several parts
    (
        re.compile(rf"(?i)(authorization\s{{0,8}}[:=]\s{{0,8}}+)(?!{_MASKED}){_LINE}"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"(?i)(cookie\s{{0,8}}[:=]\s{{0,8}}+)(?=[^\r\n\"\\=]{{1,200}}=){_LINE}"), rf"\1{HIDDEN}"),
    (
        re.compile(
            rf"(?i)((?:api[-_]?key|(?:auth|access|security)-token)\s{{0,8}}[:=]\s{{0,8}}+)(?!{_MASKED})"
            rf"(?:[^\s\"'\\,;<>&]|{_ESCAPED}){{6,}}+"
        ),
        rf"\1{HIDDEN}",
    ),
    *called_secrets.CALLED,
    # in prose only what is too long for a word
    (
        re.compile(
            r"(?i)((?<![a-z0-9])(?:api|access|secret)[-_ ]?key(?:[-_]id)?(?: is| was)?\s{0,4}[:=]?\s{0,4}+)"
            r"(?=[a-z_-]{0,40}[0-9])[a-z0-9_-]{28,}+"
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"(?i)((?<![a-z0-9])(?:access|secret)[-_]?key(?:[-_]id)?=)(?!{_MASKED})(?:[a-z0-9._~+/-]|{_ESCAPED}){{12,}}+"
        ),
        rf"\1{HIDDEN}",
    ),
)
_DATA_URI = re.compile(
    rf"data:([a-z]{{1,40}}{_SLASH}[a-z0-9.+-]{{1,80}})?(?:;[a-z0-9=_.-]{{1,40}}){{0,3}};base64,"
    rf"((?:[A-Za-z0-9+/=_-]|{_ESCAPED}){{32,}}+)",
    re.IGNORECASE,
)
# An address runs on through escaped slashes and letters, and ends at a quotation mark, at white space, and at
# what these become inside JSON.
_ADDRESS = re.compile(
    r"(https?)(?::(?:\\{0,15}/|\\{1,15}u002f){2}|%(?:25){0,2}3a(?:%(?:25){0,2}2f){2})"
    r"((?:[^\s\"'<>\\\x00-\x1f]++|'(?![,)\]}:;\s]|$)|"
    r"\\{1,15}+(?![\\\"'nrt]|u00(?:0|2[027]|3[ce])))++)",
    re.IGNORECASE,
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_PATH = re.compile(r"[/\\?#]|%(?:25)*(?:2f|3f|23)", re.IGNORECASE)


class Redactor:
    """Takes known secrets and everything that looks like one out of a text."""

    def __init__(self, secrets: Iterable[str] = ()):
        # One that is a part of our own mark would be found in it again and again.
        worth = sorted({one for one in secrets if len(one) >= 6 and one not in HIDDEN}, key=len, reverse=True)
        spellings = [spelling for secret in worth for spelling in _spellings(secret)]
        self._known = re.compile("|".join(dict.fromkeys(spellings))) if spellings else None

    def __call__(self, text: str) -> str:
        """The text without secrets; everything else stays byte for byte."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        if is_plain(text):
            return text
        text = _DATA_URI.sub(_digest_of_data, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def secrets_in(text: str) -> list[tuple[int, int]]:
    """Where something stands that looks like a secret, from left to right; none overlaps another."""
    if is_plain(text):
        return []
    found = [
        (one.end(1) if pattern.groups and one[1] is not None else one.start(), one.end())
        for pattern, _ in _PATTERNS
        for one in pattern.finditer(text)
    ]
    apart: list[tuple[int, int]] = []
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        if HIDDEN not in text[start:end] and (not apart or start >= apart[-1][1]):
            apart.append((start, end))
    return apart


@lru_cache(maxsize=1024)
def names_a_secret(name: str) -> bool:
    """Whether what is called so is a secret, whatever it looks like."""
    return _NAME.fullmatch(name) is not None


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """A JSON value without secrets, at any depth, in names and values."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(name)): _of_name(str(name), held, redact) for name, held in value.items()}
    return [redacted(one, redact) for one in value] if isinstance(value, list | tuple) else value


def without_links(text: str) -> str:
    """The text with addresses' paths and queries hidden: one may itself be the key to a file."""
    return _ADDRESS.sub(_address_without_path, text)


def hidden_link(link: str) -> str:
    """What may be shown of a signed address."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return HIDDEN
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}"


def _of_name(name: str, value: Any, redact: Callable[[str], str]) -> Any:
    secret = isinstance(value, str) and value and names_a_secret(name)
    return HIDDEN if secret else redacted(value, redact)


def _address_without_path(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    path = _PATH.search(rest)
    authority = rest[: path.start()] if path else rest
    if path is None and "@" not in authority:
        return found[0]
    return f"{scheme}://{authority.rpartition('@')[2]}/{HIDDEN}"


def _spellings(secret: str) -> Iterable[str]:
    """Patterns for a known secret: in JSON at any depth, in addresses, in hexadecimal, in base64."""
    yield "".join(_in_json(run[0]) for run in re.finditer(r"\\+|[^\\]", secret))
    yield from map(re.escape, (quote(secret, safe=""), quote(secret), quote_plus(secret)))
    yield f"(?i:{secret.encode().hex()})"
    yield from map(_of_base64, _in_base64(secret.encode()))


def _in_base64(secret: bytes) -> Iterable[str]:
    """At its beginning, and behind one or two other bytes: of `user:secret` every letter is another one."""
    yield base64.b64encode(secret).decode().rstrip("=")
    for shift, shared in ((1, 2), (2, 3)):
        whole = base64.b64encode(bytes(shift) + secret).decode()
        # Without the letters that it shares with its neighbours.
        yield whole[shared : (shift + len(secret)) * 8 // 6]


def _of_base64(text: str) -> str:
    """With slashes as JSON may escape them, and in the alphabet of addresses."""
    return re.escape(text).replace(r"\+", "[+-]").replace("/", rf"(?:{_SLASH}|_)")


def _in_json(letter: str) -> str:
    if letter[0] == "\\":
        return rf"\\{{{len(letter)},{16 * len(letter)}}}"
    # Addresses escape some of what they may, each in its own taste.
    percent = "".join(f"%(?:25){{0,2}}(?i:{byte:02x})" for byte in letter.encode("utf-8", "surrogatepass"))
    if letter in '"/':
        return rf"(?:\\{{0,15}}{letter}|{percent})"
    if letter.isalnum() and letter.isascii():
        return letter
    spelt = "".join(rf"\\{{1,15}}u{code:04x}" for code in _utf16(letter))
    return rf"(?:{re.escape(letter)}|(?i:{spelt})|{percent})"


def _utf16(letter: str) -> tuple[int, ...]:
    code = letter.encode("utf-16-be", "surrogatepass")
    return tuple(int.from_bytes(code[at : at + 2], "big") for at in range(0, len(code), 2))


def _digest_of_data(found: re.Match[str]) -> str:
    digest = hashlib.sha256(found[2].encode()).hexdigest()[:16]
    return f"data:{found[1] or ''};sha256={digest};characters={len(found[2])}"
