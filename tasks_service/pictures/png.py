"""How a PNG is built: chunks with checksums (RFC 2083), and one compressed stream over some of them."""

import struct
import zlib
from collections.abc import Iterator

from tasks_service.pictures.flaws import Structure, animated, check_notes, cut_short

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by its kind of colour
# The seven passes of an interlaced image: where each begins, and its steps.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_WHOLE = ((0, 0, 1, 1),)
_STEP = 1 << 20


def png(data: bytes) -> Structure:
    """One still image. Raises Flaw, struct.error."""
    at, notes, parts, header = 8, 0, 0, b""
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        if crc != zlib.crc32(body, zlib.crc32(name)) or (not header) != (name == b"IHDR"):
            raise cut_short()
        if name == b"IHDR":
            header = body
        elif name in (b"acTL", b"fcTL", b"fdAT"):
            raise animated()
        elif name not in (b"IDAT", b"PLTE"):
            notes += length
        at, parts = at + 12 + length, parts + 1
        check_notes(notes, parts)
        if name == b"IEND":
            return Structure("image/png", *struct.unpack_from(">II", header), at)


def check_pixels(data: bytes) -> None:
    """Count the rows: a decoder leaves those that are missing black, and says nothing. Raises Flaw."""
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    if colour not in _SAMPLES:
        raise cut_short()
    expected = 0
    for left, top, right, down in _PASSES if interlaced else _WHOLE:
        wide, high = -(-(width - left) // right), -(-(height - top) // down)
        if wide > 0:
            expected += max(high, 0) * (1 + (wide * bits * _SAMPLES[colour] + 7) // 8)
    if _inflated(data, expected) != expected:
        raise cut_short()


def _inflated(data: bytes, most: int) -> int:
    """How long the stream becomes, as far as it may; one that does not end, or not there, is not right."""
    stream, size = zlib.decompressobj(), 0
    for body in _streamed(data):
        while body and size <= most:
            size += len(stream.decompress(body, _STEP))
            body = stream.unconsumed_tail
        if stream.unused_data:
            return most + 1
    return size if stream.eof else -1


def _streamed(data: bytes) -> Iterator[bytes]:
    at, name = 8, b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length
