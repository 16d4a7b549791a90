"""How a JPEG is built: segments with their lengths, and scans between them (ITU T.81)."""

import re
import struct

from tasks_service.pictures.flaws import MOST_PADDING, Flaw, Structure, check_notes, cut_short

# Each scan of a progressive JPEG makes the decoder go over the whole image again; encoders write about ten.
# A large image may have a dozen, and a small one more.
MOST_SCANS = 64
MOST_WORK = 600_000_000  # pixels times scans: a few seconds of a decoder
# Between the scans: an 0xFF that is neither a stuffed byte, nor a restart, nor filling.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SCAN, _END, _FIRST_NOTE = 0xDA, 0xD9, 0xE0


def jpeg(data: bytes) -> Structure:
    """One image; phones add further whole ones, such as a gain map, and announce them in the first (MPF)."""
    first = _Walk(data, 0)
    first.go()
    end, notes, parts = first.at, first.notes, 0
    while first.announces_more:
        at = end
        while data[at : at + 1] == b"\0" and at - end <= MOST_PADDING:
            at += 1
        if data[at : at + 3] != b"\xff\xd8\xff":
            break
        another = _Walk(data, at)
        another.go()
        end, notes, parts = another.at, notes + another.notes, parts + 1
        check_notes(notes, parts)
    return Structure("image/jpeg", *first.sides, end)


class _Walk:
    """From an image's start marker to behind its end marker."""

    def __init__(self, data: bytes, start: int):
        self._data = data
        self.at = start + 2
        self.sides = (0, 0)
        self.notes = 0
        self.announces_more = False
        self._scans = 0
        self._parts = 0

    def go(self) -> None:
        """Walk. Raises Flaw, IndexError, struct.error."""
        while (marker := self._marker()) != _END:
            (length,) = struct.unpack_from(">H", self._data, self.at + 2)
            if length < 2:
                raise cut_short()
            self._note(marker, length)
            self.at += 2 + length
            if marker == _SCAN:
                self._skip_scan()
        self.at += 2

    def _marker(self) -> int:
        if self._data[self.at] != 0xFF:
            raise cut_short()
        while self._data[self.at + 1] == 0xFF:
            self.at += 1
        return self._data[self.at + 1]

    def _note(self, marker: int, length: int) -> None:
        if marker in _FRAMES:
            if self.sides != (0, 0):
                raise cut_short()
            height, width = struct.unpack_from(">HH", self._data, self.at + 5)
            self.sides = (width, height)
        elif marker >= _FIRST_NOTE:
            self.notes += length
            self.announces_more |= self._data[self.at + 4 : self.at + 8] == b"MPF\0"
        self._parts += 1
        check_notes(self.notes, self._parts)

    def _skip_scan(self) -> None:
        self._scans += 1
        if self._scans > max(min(MOST_SCANS, MOST_WORK // max(self.sides[0] * self.sides[1], 1)), 1):
            raise Flaw("unreadable", "The JPEG has more scans than are decoded for its size; save it anew.")
        following = _NEXT_MARKER.search(self._data, self.at)
        if following is None:
            raise cut_short()
        self.at = following.start()
