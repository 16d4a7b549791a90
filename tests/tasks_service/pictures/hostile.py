"""Files that are sent to do harm, or that only look like images; each with the code of its refusal."""

import io
import struct
import zipfile
import zlib

from PIL import Image, PngImagePlugin

from tests.gallery import picture


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def before_end(png: bytes, *chunks: bytes) -> bytes:
    """Further chunks behind the header of a PNG."""
    return png[:33] + b"".join(chunks) + png[33:]


def bomb(width: int, height: int) -> bytes:
    """A PNG of one colour: small here, huge when decoded."""
    rows = zlib.compressobj(9)
    line = rows.compress(bytes(width // 8 + 1) * 100)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", line + rows.flush())
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def frames(kind: str, count: int = 3) -> bytes:
    """Something that moves."""
    first, *rest = [Image.new("RGB", (40, 40), (n * 40, 0, 0)) for n in range(count)]
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=rest, duration=50)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as held:
        held.writestr("run.sh", "echo hello")
    return file.getvalue()


def scans(count: int) -> bytes:
    """A progressive JPEG that goes over itself again and again."""
    jpeg = picture("JPEG", (64, 64), progressive=True)
    start = jpeg.rindex(b"\xff\xda")
    return jpeg[:start] + jpeg[start:-2] * count + b"\xff\xd9"


def texts(size: int, *, packed: bool) -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "A" * size, zip=packed)
    return picture("PNG", pnginfo=notes)


def of_other_sides(png: bytes) -> bytes:
    """Its header says more rows than there are."""
    return png[:8] + chunk(b"IHDR", struct.pack(">II", 64, 64) + png[24:29]) + png[33:]


def interlaced(width: int, height: int) -> bytes:
    """Grey, in seven passes: Pillow reads such files and does not write them."""
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    rows = b""
    for left, top, right, down in passes:
        wide = len(range(left, width, right))
        rows += b"".join(b"\0" + b"g" * wide for _ in range(top, height, down) if wide)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def behind_the_pixels(png: bytes, more: bytes) -> bytes:
    """Something else in the chunk of the pixels, after their stream has ended."""
    at = png.index(b"IDAT")
    (length,) = struct.unpack_from(">I", png, at - 4)
    return png[: at - 4] + chunk(b"IDAT", png[at + 4 : at + 4 + length] + more) + png[at + 8 + length :]


def profile(size: int) -> bytes:
    packed = zlib.compress(bytes(size), 9)
    return before_end(picture(), chunk(b"iCCP", b"profile\0\0" + packed))


PNG, JPEG, GIF, WEBP, BMP = (picture(kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP"))

HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not_an_image"),
    "noise": (bytes(range(256)) * 8, "not_an_image"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "not_an_image"),
    "svg with an entity": (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "not_an_image"),
    "html": (b"<!DOCTYPE html><html><body>hello</body></html>", "not_an_image"),
    "pdf": (b"%PDF-1.7\n1 0 obj", "not_an_image"),
    "pdf before a jpeg": (b"%PDF-1.7\n" + JPEG, "not_an_image"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
    "fits": (b"SIMPLE  =                    T".ljust(2880), "not_an_image"),
    "tiff": (picture("TIFF"), "not_an_image"),
    "avif": (picture("AVIF"), "not_an_image"),
    "zip": (archive(), "not_an_image"),
    "gzip": (b"\x1f\x8b\x08" + bytes(99), "not_an_image"),
    "film": (b"\0\0\0\x20ftypisom" + bytes(99), "not_an_image"),
    "png of 50,000 x 50,000": (bomb(50_000, 50_000), "too_many_pixels"),
    "png of four thousand million rows": (bomb(1, 4_000_000_000), "too_many_pixels"),
    "gif of 65,535 x 65,535": (GIF[:6] + b"\xff\xff\xff\xff" + GIF[10:], "too_many_pixels"),
    "png of no sides": (bomb(0, 10), "unreadable"),
    "png that says more than it has": (of_other_sides(PNG), "unreadable"),
    "png with an archive behind its pixels": (behind_the_pixels(PNG, archive()), "unreadable"),
    "apng": (frames("PNG"), "animated"),
    "animated gif": (frames("GIF"), "animated"),
    "animated gif of many frames": (frames("GIF", 200), "animated"),
    "animated webp": (frames("WEBP"), "animated"),
    "png and zip": (PNG + archive(), "trailing_data"),
    "jpeg and zip": (JPEG + archive(), "trailing_data"),
    "jpeg and jpeg, unannounced": (JPEG + JPEG, "trailing_data"),
    "gif and script": (GIF + b"=1;alert(document.domain)//", "trailing_data"),
    "webp and zip": (WEBP + archive(), "trailing_data"),
    "bmp and zip": (BMP + archive(), "trailing_data"),
    "png and html": (PNG + b"<script>alert(1)</script>", "trailing_data"),
    "png and a megabyte of zeros": (PNG + bytes(1 << 20), "trailing_data"),
    "gif that is a script": (b"GIF89a/*" + bytes(8) + b"*/=1;alert(1)", "unreadable"),
    "png with a huge text": (texts(5 << 20, packed=False), "too_much_metadata"),
    "png with a text that unpacks to 64 MiB": (texts(64 << 20, packed=True), "unreadable"),
    "png with a profile that unpacks to 64 MiB": (profile(64 << 20), "unreadable"),
    "png of a hundred thousand chunks": (before_end(PNG, *[chunk(b"teSt", b"")] * 100_000), "too_much_metadata"),
    "jpeg with 5 MiB of comments": (JPEG[:2] + (b"\xff\xfe\xff\xff" + bytes(65_533)) * 80 + JPEG[2:], "too_much_metadata"),
    "scan bomb": (scans(5_000), "unreadable"),
    "cut png": (PNG[:-20], "unreadable"),
    "cut jpeg": (JPEG[: len(JPEG) // 2], "unreadable"),
    "cut gif": (GIF[:-5], "unreadable"),
    "cut webp": (WEBP[:-5], "unreadable"),
    "cut bmp": (BMP[:-500], "unreadable"),
    "png with a bit turned": (PNG[:200] + bytes([PNG[200] ^ 1]) + PNG[201:], "unreadable"),
    "png of nothing but a head": (PNG[:33], "unreadable"),
    "jpeg of nothing but a head": (b"\xff\xd8\xff", "unreadable"),
    "jpeg without pixels": (b"\xff\xd8\xff\xd9", "unreadable"),
}  # fmt: skip
