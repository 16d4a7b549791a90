"""Reads a query string strictly: an unknown name is a typing error, and could be an expensive one."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from starlette.requests import Request

from schemas.refusals import MalformedRequest

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
# An unescaped plus arrives as a space.
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:[0-9]{2}$)")
_LONGEST = 1000
LONGEST_PASTED = 4000
_MOST = 100


class Query:
    """Collects everything that is wrong; `check` says it all at once."""

    def __init__(
        self, request: Request, known: Sequence[str], *, family: str | None = None, long: Sequence[str] = ()
    ):
        self._values: dict[str, list[str]] = {}
        self._problems: list[dict[str, Any]] = []
        pairs = request.query_params.multi_items() if request.scope["query_string"] else []
        if len(pairs) > _MOST:
            name = pairs[0][0]
            self.wrong(name, "too_many", f"A query has at most {_MOST} parameters; got {len(pairs)}.", None)
        for name, value in pairs[:_MOST]:
            longest = LONGEST_PASTED if name in long else _LONGEST
            # A value of metadata may be empty, so its filter may be too.
            of_family = bool(family) and name.startswith(family or "") and name != family
            if name not in known and not of_family:
                self._unknown(name, [*known, *([f"{family}KEY"] if family else [])])
            elif "\x00" in name + value or not (value.strip() or of_family) or len(value) > longest:
                detail = f"{name[:_LONGEST]} takes 1 to {longest} characters, none of them U+0000."
                self.wrong(name, "wrong_format", detail, value)
            else:
                self._values.setdefault(name, []).append(value)

    def check(self) -> None:
        """Raise MalformedRequest where anything was wrong."""
        if self._problems:
            detail = " ".join(dict.fromkeys(found["detail"] for found in self._problems[:5]))
            raise MalformedRequest(detail, members={"problems": self._problems[:50]})

    def text(self, name: str) -> str | None:
        """One value, or None where there is none."""
        values = self._values.get(name, [])
        if len(values) > 1:
            self.wrong(name, "repeated", f"{name} is given {len(values)} times; give it once.", values)
        return values[0] if values else None

    def one_of(self, name: str, allowed: Iterable[str]) -> str | None:
        """One word of a list."""
        value = self.text(name)
        self._offered(name, [value] if value else [], list(allowed))
        return value

    def some_of(self, name: str, allowed: Iterable[str]) -> list[str] | None:
        """Words of a list: separated by commas, or the name repeated."""
        values = [word.strip() for value in self._values.get(name, []) for word in value.split(",")]
        self._offered(name, values, list(allowed))
        return values or None

    def number(self, name: str, low: int, high: int, default: int) -> int:
        """A whole number within bounds."""
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10 and low <= int(value) <= high):
            allowed = {"min": low, "max": high}
            self.wrong(name, "out_of_range", f"{name} is a whole number, {low} to {high}.", value, allowed)
            return default
        return int(value)

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        return self.one_of(name, ("true", "false", "1", "0")) in ("true", "1")

    def moment(self, name: str) -> datetime | None:
        """A time with its zone, as RFC 3339 writes it."""
        value = self.text(name)
        if value is None:
            return None
        text = _LOST_PLUS.sub("+", value).upper()
        try:
            if not _MOMENT.fullmatch(text):
                raise ValueError(text)
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            self.wrong(name, "wrong_format", f"{name} is a time such as 2026-11-21T08:30:00Z.", value)
            return None

    def family(self, prefix: str) -> dict[str, str]:
        """Every name that begins so, without its beginning."""
        names = [name for name in self._values if name.startswith(prefix)]
        return {name.removeprefix(prefix): self.text(name) or "" for name in names}

    def wrong(self, name: str, code: str, detail: str, got: Any, allowed: Any = None) -> None:
        """Note a problem of one parameter."""
        found = {"parameter": name, "code": code, "detail": detail, "got": got, "allowed": allowed}
        self._problems.append({member: value for member, value in found.items() if value is not None})

    def _offered(self, name: str, values: list[str], allowed: list[str]) -> None:
        for value in values:
            if value not in allowed:
                self.wrong(name, "not_offered", f"{name} is one of {', '.join(allowed)}.", value, allowed)

    def _unknown(self, name: str, known: list[str]) -> None:
        nearest = next(iter(get_close_matches(name[:100], known, n=1)), None)
        hint = f" Did you mean {nearest}?" if nearest else ""
        names = ", ".join(known) or "none"
        detail = f"There is no query parameter {name[:100]!r} here.{hint} Known: {names}."
        self.wrong(name, "unknown_parameter", detail, None, known)
