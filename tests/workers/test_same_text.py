"""A request that is sent once more is the same text, whichever process puts it together.

The order of a set is another one in every process that is started, but the same in all that are forked from
one: in other tests it would go unseen that a body is made of one.
"""

import os
import subprocess
import sys
from pathlib import Path

from schemas.providers import PROVIDERS

ROOT = Path(__file__).parents[2]
ORDER = "print({'a boat', 'a barge', 'a raft', 'a ferry', 'a canoe', 'a kayak', 'a punt'})"


def said(seed: int, *words: str) -> str:
    """What a process says that is started the long way, with another order of sets."""
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_every_process_has_the_same_digest_of_every_paid_request():
    first, second = (said(seed, "-m", "tests.workers.digests") for seed in (1, 2))

    assert first == second
    assert {line.split()[0] for line in first.splitlines()} == PROVIDERS.keys()


def test_the_order_of_a_set_would_have_shown():
    assert said(1, "-c", ORDER) != said(2, "-c", ORDER)
