"""Draws real pictures from a seed: a gradient, some shapes, and the first words of the prompt."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from workers.sandbox.ledger import Work

Colour = tuple[int, int, int]
CAPTION_WORDS: Final = 5
CAPTION_LETTERS: Final = 32


@dataclass(frozen=True, slots=True)
class Disc:
    """A round shape of the composition, in fractions of the picture."""

    x: float
    y: float
    radius: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Composition:
    """Everything that chance decides in a picture, once the seed is known."""

    top: Colour
    bottom: Colour
    tilted: bool
    discs: tuple[Disc, ...]


def compose(caption: str, seed: int, width: int, height: int) -> Composition:
    """Decide colours and shapes; the same words, seed and size always give the same ones."""
    digest = hashlib.sha512(f"{seed}\n{width}x{height}\n{caption}".encode()).digest()
    discs = tuple(_disc(digest[12 + 6 * i : 18 + 6 * i]) for i in range(5))
    top = (40 + digest[0] // 3, 30 + digest[1] // 3, 60 + digest[2] // 3)
    bottom = (120 + digest[3] // 2, 110 + digest[4] // 2, 120 + digest[5] // 2)
    return Composition(top=top, bottom=bottom, tilted=bool(digest[6] & 1), discs=discs)


def backdrop(composition: Composition, width: int, height: int) -> Image.Image:
    """The gradient that everything else lies on."""
    ramp = Image.linear_gradient("L")
    if composition.tilted:
        ramp = ramp.transpose(Image.Transpose.ROTATE_90)
    stretched = ramp.resize((width, height), Image.Resampling.BILINEAR)
    return ImageOps.colorize(stretched, composition.top, composition.bottom)


def draw_discs(canvas: Image.Image, discs: Sequence[Disc]) -> None:
    """Lay the shapes on the canvas, each with a thin light rim."""
    width, height = canvas.size
    side = min(width, height)
    pen = ImageDraw.Draw(canvas)
    for disc in discs:
        x, y, radius = disc.x * width, disc.y * height, disc.radius * side
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(box, fill=disc.colour, outline=(250, 246, 235), width=max(1, side // 128))


def draw_caption(canvas: Image.Image, caption: str, watermark: bool) -> None:
    """Write the first words of the prompt near the bottom, and the studio's name if it must show."""
    width, height = canvas.size
    pen = ImageDraw.Draw(canvas)
    words = " ".join(caption.split()[:CAPTION_WORDS])[:CAPTION_LETTERS]
    size = max(10, min(width, height) // 14)
    font = ImageFont.load_default(size)
    where = (width // 16, height - 2 * size)
    pen.text((where[0] + 1, where[1] + 1), words, font=font, fill=(20, 20, 30))
    pen.text(where, words, font=font, fill=(255, 255, 255))
    if watermark:
        pen.text((width - 5 * size, size // 2), "sandbox", font=font, fill=(255, 255, 255))


def blend_in(canvas: Image.Image, reference: bytes) -> Image.Image:
    """Let a given picture shine through half of the canvas, cropped to its shape."""
    given = Image.open(io.BytesIO(reference)).convert("RGB")
    return Image.blend(canvas, ImageOps.fit(given, canvas.size), 0.5)


def draw_picture(work: Work, index: int, references: Sequence[bytes]) -> bytes:
    """Draw picture number `index` of a job as PNG or WebP; the same work gives the same bytes."""
    composition = compose(work.caption, work.seed + index, work.width, work.height)
    canvas = backdrop(composition, work.width, work.height)
    draw_discs(canvas, composition.discs)
    for reference in references:
        canvas = blend_in(canvas, reference)
    draw_caption(canvas, work.caption, work.watermark)
    file = io.BytesIO()
    if work.suffix == "webp":
        canvas.save(file, "WEBP", quality=80, method=2)
    else:
        canvas.save(file, "PNG", compress_level=4)
    return file.getvalue()


def is_picture(data: bytes) -> bool:
    """Whether the bytes decode as a picture to the last row."""
    try:
        with Image.open(io.BytesIO(data)) as given:
            given.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True


def _disc(digest: bytes) -> Disc:
    return Disc(
        x=digest[0] / 255,
        y=digest[1] / 255,
        radius=0.06 + digest[2] / 255 * 0.2,
        colour=(80 + digest[3] * 2 // 3, 60 + digest[4] * 2 // 3, 70 + digest[5] * 2 // 3),
    )
