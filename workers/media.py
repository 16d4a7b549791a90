"""What a file really is: type by its first bytes, sides and duration by its headers, nothing decoded."""

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

_FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
_MOST_BOXES = 10_000
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_TAIL = 64 << 10  # cameras and editors put notes after a JPEG's end


@dataclass(frozen=True, slots=True)
class Media:
    """A media type; sides in pixels and duration in seconds where the headers say so."""

    type: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


class NotMedia(Exception):
    """The bytes are no image and no video that we know; error pages come as results, too."""


def inspect(file: Path) -> Media:
    """Look at a file's headers, and whether its end is there. Raises NotMedia."""
    with file.open("rb") as stream:
        head = stream.read(16)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
            return _movie(stream, head)
        if head[:4] == _EBML:
            return _webm(stream)
        if not _has_its_end(stream, head):
            raise NotMedia("the picture is cut short")
    return _picture(file)


def _has_its_end(stream: BinaryIO, head: bytes) -> bool:
    """An answer without a length may end anywhere, so the format's own end is asked for."""
    size = stream.seek(0, 2)
    stream.seek(max(size - _TAIL, 0))
    tail = stream.read()
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" in tail
    if head[:2] == b"\xff\xd8":
        return b"\xff\xd9" in tail
    if head[:4] == b"RIFF":
        return struct.unpack("<I", head[4:8])[0] + 8 <= size
    return True


def _picture(file: Path) -> Media:
    try:
        # The header alone is read here; a size that would be a bomb when decoded is a warning, made an error.
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=list(_FORMATS)) as picture:
                return Media(_FORMATS[str(picture.format)], picture.width, picture.height)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise NotMedia("the bytes are neither an image nor a video") from error


def _webm(stream: BinaryIO) -> Media:
    """One segment behind a header, each with its length before it (RFC 8794, RFC 9559)."""
    size = stream.seek(0, 2)
    stream.seek(len(_EBML))
    header = _length(stream)
    if header is None or stream.seek(header, 1) > size or stream.read(4) != _SEGMENT:
        raise NotMedia("the video has no segment; it may be cut short")
    # A live recording does not know its length: then nobody can tell whether its end is there.
    length = _length(stream)
    if length is not None and stream.tell() + length > size:
        raise NotMedia("the video is cut short")
    return Media("video/webm")


def _length(stream: BinaryIO) -> int | None:
    """As many leading zeros as bytes follow, and then the number; all ones mean that it is not known."""
    first = stream.read(1)
    if not first or not first[0]:
        raise NotMedia("the video is cut short")
    more = 8 - first[0].bit_length()
    rest = stream.read(more)
    number = int.from_bytes(first + rest) & ((1 << 7 * (more + 1)) - 1)
    return None if number == (1 << 7 * (more + 1)) - 1 else number


def _movie(stream: BinaryIO, head: bytes) -> Media:
    """ISO base media (MP4, QuickTime): boxes of a length and a name, ISO/IEC 14496-12."""
    size = stream.seek(0, 2)
    found: dict[bytes, bytes] = {}
    sides: tuple[int, int] | None = None
    for name, body in _boxes(stream, 0, size, [_MOST_BOXES]):
        if name == b"mvhd":
            found[name] = body
        elif name == b"tkhd":
            sides = _sides(body) or sides
    kind = "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if b"mvhd" not in found:
        raise NotMedia("the video has no header; it may be cut short")
    width, height = sides or (None, None)
    return Media(kind, width, height, _duration(found[b"mvhd"]))


def _boxes(stream: BinaryIO, start: int, end: int, budget: list[int]) -> Iterator[tuple[bytes, bytes]]:
    """The leaf boxes that matter; containers on the way to them are entered."""
    while start + 8 <= end and budget[0] > 0:
        budget[0] -= 1
        stream.seek(start)
        length, name = struct.unpack(">I4s", stream.read(8))
        header = 8
        if length == 1:
            length, header = struct.unpack(">Q", stream.read(8).ljust(8, b"\0"))[0], 16
        elif length == 0:
            length = end - start
        if length < header or start + length > end:
            raise NotMedia("the video is cut short")
        if name in (b"moov", b"trak"):
            yield from _boxes(stream, start + header, min(start + length, end), budget)
        elif name in (b"mvhd", b"tkhd"):
            yield name, stream.read(min(length - header, 256))
        start += length


def _duration(mvhd: bytes) -> float | None:
    at, form = (20, ">IQ") if mvhd[:1] == b"\x01" else (12, ">II")
    if len(mvhd) < at + struct.calcsize(form):
        return None
    scale, units = struct.unpack_from(form, mvhd, at)
    return round(units / scale, 3) if scale else None


def _sides(tkhd: bytes) -> tuple[int, int] | None:
    at = 88 if tkhd[:1] == b"\x01" else 76
    if len(tkhd) < at + 8:
        return None
    # 16.16 fixed point; sound tracks have sides of zero.
    width, height = (side >> 16 for side in struct.unpack_from(">II", tkhd, at))
    return (width, height) if width and height else None
