"""What is told of an image that cannot be taken says what to do about it."""

import struct
import zlib

import pytest

from tasks_service.pictures.flaws import MOST_NOTES, Flaw, check_notes
from tasks_service.pictures.structure import structure_of


def part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int) -> bytes:
    head = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + part(b"IDAT", b"") + part(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (png(640, 480)[:-6], "save it anew and send that."),
        (png(640, 480) + b"x", "save the image anew and send that."),
        (png(0, 480), "send one that has something to be seen."),
        (png(6400, 4800), "at most 1000000 pixels are taken."),
        (b"GIF7", "PNG, JPEG, WebP, BMP and still GIF images are taken."),
    ],
)
def test_a_flaw_is_told_with_what_to_do(data: bytes, advice: str):
    with pytest.raises(Flaw) as told:
        structure_of(data, 1_000_000)

    assert told.value.words.endswith(advice)


def test_who_carries_too_much_beside_the_pixels_is_told_to_leave_it_out():
    with pytest.raises(Flaw) as told:
        check_notes(MOST_NOTES + 1)

    assert told.value.words.endswith("save it anew without them.")
