"""Runs that are made twice, with a guard and without it."""

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
