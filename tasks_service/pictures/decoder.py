"""The process that decodes strangers' images: no files, no secrets, little memory, little time.

Reads `length, most pixels` and so many bytes from its input, answers with one line of JSON, and again. It is
started with an empty environment; whatever goes wrong in it ends it, and another one is started.
"""

import io
import json
import os
import resource
import sys
from typing import Any, BinaryIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from tasks_service.pictures.flaws import Flaw, Structure, animated, cut_short
from tasks_service.pictures.png import check_pixels
from tasks_service.pictures.structure import REQUEST_HEAD, structure_of

MOST_MEMORY = 1536 << 20
MOST_CPU_S = 6
_ORIENTATION, _ON_ITS_SIDE = 0x0112, frozenset({5, 6, 7, 8})
# The classes themselves: `Image.open` would try others, and make two images of one JPEG with a gain map.
_READERS: dict[str, Any] = {
    "image/png": PngImagePlugin.PngImageFile,
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/bmp": BmpImagePlugin.BmpImageFile,
}


def main() -> None:
    """Answer until the input ends."""
    _confine()
    source, out = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(REQUEST_HEAD.size)) == REQUEST_HEAD.size:
        length, most_pixels = REQUEST_HEAD.unpack(head)
        _grant_time()
        out.write(json.dumps(_answer(source, length, most_pixels)).encode() + b"\n")
        out.flush()


def examine(data: bytes, most_pixels: int) -> dict[str, Any]:
    """The media type, and the sides as they are seen. Raises Flaw."""
    found = structure_of(data, most_pixels)
    try:
        turned = _decode(data, found)
    except Flaw:
        raise
    # Decoders raise whatever they like at what they cannot read.
    except Exception as error:
        raise cut_short() from error
    sides = (found.height, found.width) if turned else (found.width, found.height)
    return {"type": found.type, "width": sides[0], "height": sides[1]}


def _answer(source: BinaryIO, length: int, most_pixels: int) -> dict[str, Any]:
    try:
        return examine(source.read(length), most_pixels)
    except Flaw as flaw:
        return {"flaw": flaw.code, "words": flaw.words}


def _decode(data: bytes, found: Structure) -> bool:
    """Decode all of it, and say whether it is to be seen on its side."""
    if found.type == "image/png":
        check_pixels(data)
    with _READERS[found.type](io.BytesIO(data)) as picture:
        # Two readers that disagree about the sides would vet one image and send another.
        if picture.size != (found.width, found.height):
            words = "The image's headers contradict each other; save it anew and send that."
            raise Flaw("unreadable", words)
        if getattr(picture, "is_animated", False):
            raise animated()
        picture.load()
        notes = Image.Exif()
        notes.load(picture.info.get("exif"))
        return notes.get(_ORIENTATION) in _ON_ITS_SIDE


def _confine() -> None:
    os.nice(5)
    Image.MAX_IMAGE_PIXELS = None  # the sides are checked before, against the caller's own limit
    TiffImagePlugin.READ_LIBTIFF = False  # EXIF is written as TIFF is; reading it needs no libtiff
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def _grant_time() -> None:
    """So many seconds for this image, beyond what the ones before have used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + MOST_CPU_S, hard))
