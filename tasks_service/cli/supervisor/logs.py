"""The log files of what is kept running: read on from where one was, and never without limit."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

KEEP_BYTES = 20 << 20


def lines_since(log: Path, start: int) -> tuple[list[str], int]:
    """The whole lines from a place on, and the place behind them."""
    with log.open("rb") as file:
        if start > os.fstat(file.fileno()).st_size:
            start = 0  # it was emptied meanwhile
        file.seek(start)
        read = file.read()
    read = read[: read.rfind(b"\n") + 1]
    return read.decode(errors="replace").splitlines(), start + len(read)


def rotate(log: Path, keep_bytes: int = KEEP_BYTES) -> None:
    """Put a log that has grown large aside, and go on in the emptied file; one older file is kept.

    Emptied and not replaced: whoever writes has the file open, and appends to it.
    """
    with suppress(OSError):  # nobody ends because a log cannot be put aside
        if log.stat().st_size > keep_bytes:
            shutil.copy(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
