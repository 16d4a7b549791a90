"""The public form of ids: `tsk_` and 26 characters that sort by time."""

from uuid import UUID

# Crockford's alphabet in lower case: digits first, so that the text sorts as the number does, and
# without i, l, o, u, which people misread. https://www.crockford.com/base32.html
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Ten bits at a time: it is done for every answer.
_TWO = [first + second for first in _ALPHABET for second in _ALPHABET]
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 26
_SHIFTS = range(5 * (_LENGTH - 2), -1, -10)
TASK_PREFIX = "tsk_"


def task_id_text(task_id: UUID) -> str:
    """The id as people and clients see it."""
    number = task_id.int
    return TASK_PREFIX + "".join([_TWO[number >> shift & 1023] for shift in _SHIFTS])


def parse_task_id(text: str) -> UUID | None:
    """The id behind its public form, or None where it cannot be one."""
    letters = text.strip().lower().removeprefix(TASK_PREFIX)
    if len(letters) != _LENGTH or any(letter not in _VALUE for letter in letters):
        return None
    number = 0
    for letter in letters:
        number = number * 32 + _VALUE[letter]
    return UUID(int=number) if number < 1 << 128 else None
