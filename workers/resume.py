"""Going on with a download that broke (RFC 9110, 14): what is asked, and whether that is what came."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from workers.partial import Held

_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{1,256}"')
_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
_SPAN = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
# A date counts seconds only, and clocks differ: within this time a file may change and keep its date.
_SETTLED_S = 60


def asking(held: Held | None) -> dict[str, str]:
    """The headers that ask for what is missing, and for everything where the file is another by now."""
    return {"range": f"bytes={held.start}-", "if-range": held.validator} if held else {}


def validator_of(headers: Mapping[str, str]) -> str | None:
    """What names this very version of a file: a strong entity tag, or a date that lies well back."""
    tag = headers.get("etag")
    if tag is not None:
        # A weak tag says that two files mean the same, not that their bytes are the same.
        return tag if _STRONG_TAG.fullmatch(tag) else None
    changed, answered = headers.get("last-modified", ""), headers.get("date", "")
    if not _DATE.fullmatch(changed):
        return None
    try:
        age = parsedate_to_datetime(answered) - parsedate_to_datetime(changed)
    except (TypeError, ValueError):
        return None
    return changed if age.total_seconds() >= _SETTLED_S else None


def goes_on(headers: Mapping[str, str], held: Held) -> int | None:
    """How long the whole file is, where a partial answer goes on exactly with what is held; else None."""
    span = _SPAN.fullmatch(headers.get("content-range", "").strip())
    if span is None or not _is_same(headers, held):
        return None
    first, last, total = map(int, span.groups())
    known = held.total in (None, total)
    return total if known and first == held.start <= last < total else None


def length_of(headers: Mapping[str, str]) -> int | None:
    """How long a whole answer says that it is."""
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None


def _is_same(headers: Mapping[str, str], held: Held) -> bool:
    # Some servers know Range and not If-Range, so a partial answer must itself say of which version it is.
    name = "etag" if held.validator.startswith('"') else "last-modified"
    return headers.get(name) == held.validator
