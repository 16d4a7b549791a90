"""The one exception of this package, and how operating system errors become it."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class EngineError(Exception):
    """A server could not be started or stopped; the text is one sentence for a newcomer."""


@contextmanager
def disk_trouble_in(folder: Path) -> Generator[None]:
    """Turns an operating system error (read-only, full, missing rights) into an `EngineError`."""
    try:
        yield
    except OSError as error:
        raise EngineError(f"The data folder {folder} cannot be used: {_reason(error)}.") from error


def _reason(error: OSError) -> str:
    if isinstance(error, shutil.Error):
        # Copying a tree collects one (source, target, reason) per file; the first says it all.
        return str(error.args[0][0][2]).lower()
    what = (error.strerror or str(error)).lower()
    return f"{what} ({error.filename})" if error.filename else what
