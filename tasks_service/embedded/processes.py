"""Child processes: starting them with a clean environment, stopping them, reading what they logged."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# A signal and how many seconds it gets before the next, rougher one.
Escalation = Sequence[tuple[signal.Signals, float]]


def run(
    command: Sequence[str], *, uid: int | None = None, gid: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a short command to its end, as another user when `uid` is given; its exit code raises nothing."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        cwd="/",  # the other user may not be allowed to stand in our working directory
        env=_environment(),
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
    )


def spawn(
    command: Sequence[str], log: Path, *, uid: int | None = None, gid: int | None = None
) -> subprocess.Popen[bytes]:
    """Starts a server as our direct child, writing its output to the end of `log`.

    It gets a session of its own, so Ctrl-C in the terminal reaches us first and we decide the
    order in which things stop. We open the log ourselves: the other user need not reach it.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # statements may hold prompts
    with os.fdopen(descriptor, "ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            umask=0o077,  # sockets are private from the moment they exist
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )


def stop_child(child: subprocess.Popen[bytes], escalation: Escalation) -> None:
    """Sends each signal in turn until the child has ended; one that ended before is only reaped."""
    for sign, seconds in escalation:
        if child.poll() is not None:
            return
        child.send_signal(sign)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def stop_stranger(pid: int, escalation: Escalation, still_there: Callable[[], bool]) -> bool:
    """Stops a process that is not our child; says whether it has gone."""
    for sign, seconds in escalation:
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return True
        if wait_until(lambda: not still_there(), seconds):
            return True
    return False


def wait_until(reached: Callable[[], bool], seconds: float) -> bool:
    """Asks every hundredth of a second; says whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def command_of(pid: int) -> list[str]:
    """The command line of a process; empty when it has ended, also when nobody has reaped it yet."""
    if Path("/proc/self").exists():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0")
        except OSError:
            return []
        return command.split("\0") if command else []
    return run(["ps", "-o", "args=", "-p", str(pid)]).stdout.split()


def last_complaint(text: str) -> str:
    """The last line that says what went wrong, without time stamp and process number."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for level in ("FATAL:", "PANIC:", "ERROR:", "error:"):
        for line in reversed(lines):
            if level in line:
                return line.split(level, 1)[1].strip().rstrip(".")
    return lines[-1].rstrip(".") if lines else "it gave no reason"


def written_since(log: Path, start: int) -> str:
    """What a log holds from byte `start` on."""
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")


def size_of(log: Path) -> int:
    """How many bytes a log holds; 0 when it does not exist yet."""
    return log.stat().st_size if log.exists() else 0


def _environment() -> dict[str, str]:
    # Nothing else is passed on: our environment holds API keys the server's user must not see,
    # and variables such as PGPORT or PGOPTIONS would change what the server does.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C"}
