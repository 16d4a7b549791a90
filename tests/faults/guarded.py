"""Runs that are made twice, with a guard and without it."""

import re
from dataclasses import replace
from typing import Any

import pytest

GUARD = pytest.mark.parametrize("guarded", [True, False], ids=["with the guard", "without"])
KLING = "kling-v1-6"
# Nobody draws a film for a task that ends badly upstream.
LOST = "create=lost_after create_times=1 end=content"


def judged(broken: set[str], guarded: bool, *expected: str) -> None:
    """With its guard the run is spotless; without, the checker names what was broken."""
    if guarded:
        assert broken == set()
    else:
        assert set(expected) <= broken


def without(monkeypatch: pytest.MonkeyPatch, book: Any, query: str, pattern: str, instead: str) -> None:
    """A statement of the ledger without one of its conditions."""
    stands = book.queries[query]
    text, times = re.subn(pattern, instead, stands.text)
    assert times, f"{query} has no {pattern} any more"
    monkeypatch.setitem(book.queries, query, replace(stands, text=text))
