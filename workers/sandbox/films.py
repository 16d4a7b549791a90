"""Shoots real films: H.264 in MP4, the moov box at the front, shapes that wander, a tone on request."""

import array
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.container import OutputContainer
from PIL import Image

from workers.sandbox.ledger import Work
from workers.sandbox.pictures import Composition, backdrop, blend_in, compose, draw_caption, draw_discs

LOOP_FRAMES: Final = 8
SAMPLE_RATE: Final = 16_000
TONE_HZ: Final = 330


def shoot_film(path: Path, work: Work, opening: Sequence[bytes], closing: Sequence[bytes]) -> None:
    """Put a film of the size and duration asked for at `path`; the same work gives the same bytes.

    Only a handful of frames are drawn and played in a loop: that keeps a 720p film well under a
    third of a second of processor time while every frame still has its true size. It has to be a
    file, not a buffer: moving the moov box to the front reads the film again from where it lies.
    """
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as film:
        picture = film.add_stream("libx264", rate=work.fps, options=_x264_options())
        picture.width, picture.height, picture.pix_fmt = work.width, work.height, "yuv420p"
        picture.time_base = picture.codec_context.time_base = Fraction(1, work.fps)
        sound = film.add_stream("aac", rate=SAMPLE_RATE) if work.audio else None
        for frame in _frames(work, opening, closing):
            film.mux(picture.encode(frame))
        film.mux(picture.encode(None))
        if sound is not None:
            _add_tone(film, sound, work.seconds)


def _x264_options() -> dict[str, str]:
    # One thread: x264 cuts its slices by thread count, and the bytes must be the same on every machine.
    return {"preset": "ultrafast", "crf": "30", "threads": "1", "g": "48"}


def _frames(work: Work, opening: Sequence[bytes], closing: Sequence[bytes]) -> Iterator[av.VideoFrame]:
    composition = compose(work.caption, work.seed, work.width, work.height)
    behind = backdrop(composition, work.width, work.height)
    draw_caption(behind, work.caption, work.watermark)
    loop = [_drawn(behind, composition, step) for step in range(LOOP_FRAMES)]
    converted = [_converted(canvas) for canvas in loop]
    total = work.seconds * work.fps
    for number in range(total):
        frame = converted[number % LOOP_FRAMES]
        if number == 0 and opening:
            frame = _converted(_with(loop[0], opening))
        if number == total - 1 and closing:
            frame = _converted(_with(loop[number % LOOP_FRAMES], closing))
        frame.pts = number
        frame.time_base = Fraction(1, work.fps)
        yield frame


def _drawn(behind: Image.Image, composition: Composition, step: int) -> Image.Image:
    canvas = behind.copy()
    angle = 2 * math.pi * step / LOOP_FRAMES
    reach = (0.08 * math.cos(angle), 0.08 * math.sin(angle))
    draw_discs(
        canvas, [replace(disc, x=disc.x + reach[0], y=disc.y + reach[1]) for disc in composition.discs]
    )
    return canvas


def _with(canvas: Image.Image, references: Sequence[bytes]) -> Image.Image:
    for reference in references:
        canvas = blend_in(canvas, reference)
    return canvas


def _converted(canvas: Image.Image) -> av.VideoFrame:
    return av.VideoFrame.from_image(canvas).reformat(format="yuv420p")


def _add_tone(film: OutputContainer, sound: av.AudioStream, seconds: int) -> None:
    """A quiet steady note as long as the film."""
    one_turn: list[int] = [
        int(3000 * math.sin(2 * math.pi * TONE_HZ * i / SAMPLE_RATE)) for i in range(SAMPLE_RATE)
    ]
    left_and_right = array.array("h", [level for level in one_turn for _ in range(2)]).tobytes()
    for second in range(seconds):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLE_RATE)
        frame.planes[0].update(left_and_right)
        frame.sample_rate = SAMPLE_RATE
        frame.pts = second * SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        film.mux(sound.encode(frame))
    film.mux(sound.encode(None))
