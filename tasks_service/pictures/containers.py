"""How GIF, WebP and BMP files are built: where their pixels are, and where they end."""

import struct

from tasks_service.pictures.flaws import Flaw, Structure, animated, check_notes, cut_short


def gif(data: bytes) -> Structure:
    """Blocks up to a trailer (GIF89a)."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at, frames, notes = 13 + _colours(flags), 0, 0
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            frames += 1
            if frames > 1:
                raise animated()
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            # Readers differ on what an image beyond its screen means.
            if left + wide > width or top + high > height:
                raise cut_short()
            at = _after_blocks(data, at + 11 + _colours(flags))
        elif data[at] == 0x21:
            end = _after_blocks(data, at + 2)
            notes, at = notes + end - at, end
            check_notes(notes)
        else:
            raise cut_short()
    if not frames:
        raise cut_short()
    return Structure("image/gif", width, height, at + 1)


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while size := data[at]:
        at += size + 1
    return at + 1


def webp(data: bytes) -> Structure:
    """Chunks in a RIFF container that knows its length (RFC 9649)."""
    (size,) = struct.unpack_from("<I", data, 4)
    end, at, notes, parts, sides, images = 8 + size + size % 2, 12, 0, 0, None, 0
    if size % 2 or end > len(data):
        raise cut_short()
    while at < end:
        name, length = struct.unpack_from("<4sI", data, at)
        body = at + 8
        if body + length > end:
            raise cut_short()
        if name in (b"ANIM", b"ANMF") or (name == b"VP8X" and data[body] & 2):
            raise animated()
        if name in (b"VP8X", b"VP8 ", b"VP8L"):
            sides = sides or _webp_sides(name, data, body)
            images += name != b"VP8X"
        elif name != b"ALPH":
            notes += length
        at, parts = body + length + length % 2, parts + 1
        check_notes(notes, parts)
    if sides is None or images != 1:
        raise cut_short()
    return Structure("image/webp", *sides, end)


def _webp_sides(name: bytes, data: bytes, body: int) -> tuple[int, int]:
    if name == b"VP8X":
        packed = int.from_bytes(data[body + 4 : body + 10], "little")
        return (packed & 0xFFFFFF) + 1, (packed >> 24) + 1
    if name == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, body + 1)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, body + 6)
    return width & 0x3FFF, height & 0x3FFF


def bmp(data: bytes) -> Structure:
    """Headers, and rows whose length follows from them."""
    pixels_at, header, width, height, _, bits, packing = struct.unpack_from("<IIiiHHI", data, 10)
    # Only as plain rows: the packed kinds do not say how large they become.
    if header < 40 or header > 124 or packing not in (0, 3, 6) or width < 0:
        raise Flaw("unreadable", "The BMP is of a kind that is not taken; send a PNG.")
    rows = (width * bits + 31) // 32 * 4 * abs(height)
    end = pixels_at + rows
    notes = max(pixels_at - 14 - header, 0)
    if header == 124:
        profile_at, profile = struct.unpack_from("<II", data, 14 + 112)
        notes += profile
        end = max(end, 14 + profile_at + profile) if profile else end
    check_notes(notes)
    return Structure("image/bmp", width, abs(height), end)
