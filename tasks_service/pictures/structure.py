"""How an image file is built: its format, its sides, and whether it ends where the file does.

Nothing is decoded here; this runs before any decoder sees the bytes, and in the decoder's own process.
"""

import re
import struct
from collections.abc import Callable

from tasks_service.pictures.containers import bmp, gif, webp
from tasks_service.pictures.flaws import MOST_PADDING, Flaw, Structure, cut_short
from tasks_service.pictures.jpeg import jpeg
from tasks_service.pictures.png import png

# From the service to the decoder: how many bytes follow, and how many pixels they may make.
REQUEST_HEAD = struct.Struct(">II")


def structure_of(data: bytes, most_pixels: int) -> Structure:
    """Look at the headers and walk to the end. Raises Flaw."""
    walk = next((walk for mark, _, walk in _WALKS if mark.match(data)), None)
    if walk is None:
        raise Flaw("not_an_image", f"{_what(data)} PNG, JPEG, WebP, BMP and still GIF images are taken.")
    try:
        found = walk(data)
    except (struct.error, IndexError) as error:
        raise cut_short() from error
    if not (found.width and found.height):
        raise Flaw("unreadable", "The image has a side of no pixels; send one that has something to be seen.")
    if found.width * found.height > most_pixels:
        words = f"The image is {found.width}x{found.height}; at most {most_pixels} pixels are taken."
        raise Flaw("too_many_pixels", words)
    _nothing_follows(data, found.end)
    return found


def type_of(data: bytes) -> str | None:
    """The media type by the first bytes, or None where it is none of ours."""
    return next((kind for mark, kind, _ in _WALKS if mark.match(data)), None)


def _nothing_follows(data: bytes, end: int) -> None:
    """A second file behind the first is how one upload becomes two things to two readers."""
    rest = data[end : end + MOST_PADDING + 1]
    if len(rest) > MOST_PADDING or rest.strip(b"\0"):
        words = f"{len(data) - end} bytes follow after the image's end; save the image anew and send that."
        raise Flaw("trailing_data", words)


_WALKS: tuple[tuple[re.Pattern[bytes], str, Callable[[bytes], Structure]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png", png),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg", jpeg),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp", webp),
    (re.compile(rb"GIF8[79]a"), "image/gif", gif),
    (re.compile(rb"BM........", re.DOTALL), "image/bmp", bmp),
)
TYPES = frozenset(kind for _, kind, _ in _WALKS)
_OTHERS: tuple[tuple[str, str], ...] = (
    (r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<svg|\s*<\?xml", "SVG or other XML"),
    (r"(?i)\s*<(?:!doctype|html|head|body|script)", "a web page"),
    (r"%PDF", "a PDF"),
    (r"II\*\0|MM\0\*", "a TIFF"),
    (r"....ftyp(?:hei|mif1|msf1)", "HEIC"),
    (r"....ftypavi[fs]", "AVIF"),
    (r"....ftyp", "a film"),
    (r"%!PS|\xc5\xd0\xd3\xc6", "PostScript"),
    (r"SIMPLE  =", "FITS"),
    (r"PK[\x03\x05]", "a ZIP archive"),
    (r"\x1f\x8b", "compressed with gzip"),
)


def _what(data: bytes) -> str:
    if not data:
        return "There are no bytes."
    head = data[:512].decode("latin-1")
    named = (name for mark, name in _OTHERS if re.match(mark, head, re.DOTALL))
    return f"By its first bytes this is {next(named, 'no image that we know')}."
