"""The key that a laptop's tracker prints: made once, kept in its data folder, the same at every start."""

import os
from pathlib import Path

from tasks_service.ledger.ledger import Ledger

ACCOUNT = "demo"
_FILE = "demo-key"


async def kept_key(ledger: Ledger, folder: Path) -> str:
    """The key of the folder, or a new one where there is none that this database knows."""
    file = folder / _FILE
    kept = file.read_text().strip() if file.exists() else ""
    if kept and await ledger.keys.find(kept):
        return kept
    key = await ledger.keys.new(ACCOUNT, label="made by creative-tasks up")
    _write(file, key)
    return key


def _write(file: Path, key: str) -> None:
    file.unlink(missing_ok=True)  # never into a file that others may read already
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{key}\n")
