"""Whether two requests ask for the same, to the letter, and where they differ."""

import hashlib
from typing import Any

from schemas.fingerprint import as_json, by_bytes, canonical
from schemas.rules import pointer_part
from schemas.task import TaskRequest


def request_sha256(request: TaskRequest) -> bytes:
    """The digest of what was asked: white space, the order of names, and null for absent do not matter."""
    return hashlib.sha256(canonical(by_bytes(as_json(request)))).digest()


def differences(before: Any, after: Any, pointer: str = "") -> list[str]:
    """Where two JSON values differ, as pointers."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(before.keys() | after.keys())
        pairs = [(pointer_part(name), before.get(name), after.get(name)) for name in names]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(before, after, strict=True))]
    else:
        return [] if canonical(before) == canonical(after) else [pointer]
    return [found for part, old, new in pairs for found in differences(old, new, f"{pointer}/{part}")]
