"""A child ends when the process that started it is gone, however that went."""

import subprocess
import sys

from tests.tasks_service.cli.conftest import environment

CHILD = """
import signal, sys, time
from tasks_service.lifeline import end_with_parent
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
end_with_parent()
print("up", flush=True)
time.sleep(30)
"""


def start(**more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(**more),
    )


def test_the_end_of_standard_input_ends_the_child_as_a_signal_would():
    with start(CREATIVE_TASKS_LIFELINE="stdin") as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        assert child.poll() is None

        child.stdin.close()

        assert child.wait(timeout=5) == 7


def test_a_process_without_a_supervisor_does_not_care():
    with start() as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()

        child.stdin.close()

        try:
            assert child.wait(timeout=0.5) is None
        except subprocess.TimeoutExpired:
            pass
        finally:
            child.kill()
