"""What a process that the supervisor started owes it: to say that it is up, and to end when it is gone."""

import os
import signal
import threading
import time

# A child logs this event once it does its work; the supervisor says "ready" only then.
READY = "worker_ready"

VARIABLE = "CREATIVE_TASKS_LIFELINE"
_READ_STDIN = "stdin"
_GRACE_S = 30.0


def lifeline() -> dict[str, str]:
    """The environment of a child whose standard input is a pipe that its parent holds."""
    return {VARIABLE: _READ_STDIN}


def end_with_parent() -> None:
    """End this process, as SIGTERM would, when the one that started it is gone.

    A supervisor that is killed cannot tell its children; the system closes its end of their pipes.
    Does nothing in a process that was not started by a supervisor.
    """
    if os.environ.get(VARIABLE) == _READ_STDIN:
        threading.Thread(target=_wait_for_the_end, name="lifeline", daemon=True).start()


def _wait_for_the_end() -> None:
    # os.read and not sys.stdin: a daemon thread that holds stdin's lock would break the interpreter's exit.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)
