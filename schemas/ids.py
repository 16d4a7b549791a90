"""The public form of ids: `tsk_` and 26 characters that sort by time."""

import re
from uuid import UUID

# Crockford's alphabet in lower case: digits first, so that the text sorts as the number does, and
# without i, l, o, u, which people misread. https://www.crockford.com/base32.html
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
TASK_PREFIX = "tsk_"

# Requests read ids and answers write them all the time, so neither goes letter by letter: two letters are ten
# bits, and the digits of `int` in base 32 are 0 to 9 and a to v.
_TWO = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(5 * (_LENGTH - 2), -1, -10)
_LETTERS = re.compile(f"[{_ALPHABET}]{{{_LENGTH}}}")
_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")


def task_id_text(task_id: UUID) -> str:
    """The id as people and clients see it."""
    number = task_id.int
    return TASK_PREFIX + "".join([_TWO[number >> shift & 1023] for shift in _SHIFTS])


def parse_task_id(text: str) -> UUID | None:
    """The id behind its public form, or None where it cannot be one."""
    letters = text.strip().lower().removeprefix(TASK_PREFIX)
    if not _LETTERS.fullmatch(letters):
        return None
    number = int(letters.translate(_DIGITS), 32)
    return UUID(int=number) if number < 1 << 128 else None
