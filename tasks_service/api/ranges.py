"""Which bytes of a file a request asks for (RFC 9110, section 14)."""

import re

from schemas.refusals import RangeNotSatisfiable

# Longer numbers than these are not sizes; several ranges at once may be answered with the whole.
_ONE_RANGE = re.compile(r"bytes *= *([0-9]{0,18}) *- *([0-9]{0,18})", re.IGNORECASE)


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first byte and the one after the last, or None for the whole file. Raises RangeNotSatisfiable."""
    found = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        start, end = max(size - int(found[2]), 0), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None  # the wrong way round: not a range at all
    if start >= end:
        raise RangeNotSatisfiable(f"The file has {size} bytes.", headers={"Content-Range": f"bytes */{size}"})
    return start, end
