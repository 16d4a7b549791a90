"""What the resolver must never do behind our back."""

from importlib.metadata import requires, version
from pathlib import Path

import arq.version
import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def test_arq_and_redis_are_the_pair_that_we_tested():
    assert arq.version.VERSION.startswith("0.28.")
    assert version("redis").startswith("5.")
    assert any(need.startswith("redis") and "<6" in need for need in requires("arq") or [])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_a_digest_for_every_version_and_no_address(lock):
    lines = lock.read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]

    assert LOCKS
    assert pins
    assert all("==" in pin for pin in pins)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pins)
    assert not any("://" in line for line in lines)
