"""What an image really is, whatever it was sent as; nothing that is sent can hurt whoever looks."""

import asyncio
import hashlib
import io
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from schemas.pictures import Picture
from schemas.refusals import Overloaded
from tasks_service.pictures import inspector as module
from tasks_service.pictures.flaws import Flaw
from tasks_service.pictures.inspector import Decoder, Inspector
from tasks_service.pictures.room import Room, Shares
from tasks_service.pictures.structure import structure_of
from tests.gallery import picture

from .hostile import BMP, GIF, HOSTILE, JPEG, PNG, WEBP, interlaced, scans

ACME, GLOBEX = 1, 2
GOOD = {"png": PNG, "jpeg": JPEG, "gif": GIF, "webp": WEBP, "bmp": BMP}


def turned(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(kind, exif=exif.tobytes())


def phone() -> bytes:
    """A photo with a second one behind it, announced as phones do."""
    file = io.BytesIO()
    first, second = (Image.effect_noise((64, 48), 80).convert("RGB") for _ in range(2))
    first.save(file, "MPO", save_all=True, append_images=[second])
    return file.getvalue()


@pytest.mark.parametrize("kind", GOOD)
async def test_an_image_is_known_by_its_bytes(inspector: Inspector, kind: str) -> None:
    content = GOOD[kind]

    digest = hashlib.sha256(content).hexdigest()
    assert await inspector.inspect(content, ACME) == Picture(digest, f"image/{kind}", len(content), 64, 48)


@pytest.mark.parametrize(
    "content",
    [
        picture("JPEG", progressive=True), picture("JPEG", quality=100, subsampling=0), picture("WEBP", lossless=True),
        picture("PNG", icc_profile=b"x" * 500), PNG + bytes(512), JPEG + bytes(2), phone(),
    ],
    ids=["progressive", "4:4:4", "lossless", "profile", "padded png", "padded jpeg", "photo with a gain map"],
)  # fmt: skip
async def test_what_cameras_and_editors_write_is_taken(inspector: Inspector, content: bytes) -> None:
    found = await inspector.inspect(content, ACME)

    assert (found.width, found.height, found.bytes) == (64, 48, len(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_orientation_counts_in_the_sides(inspector: Inspector, kind: str, orientation: int) -> None:
    found = await inspector.inspect(turned(kind, orientation), ACME)

    assert (found.width, found.height) == ((48, 64) if orientation >= 5 else (64, 48))


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_hostile_is_refused_and_the_next_image_is_not(inspector: Inspector, name: str) -> None:
    content, code = HOSTILE[name]

    with pytest.raises(Flaw) as refused:
        await inspector.inspect(content, ACME)
    assert refused.value.code == code, refused.value.words
    assert refused.value.words.endswith(".")
    assert (await inspector.inspect(PNG, ACME)).type == "image/png"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 9)])
async def test_every_kind_of_png_is_counted_right(
    inspector: Inspector, mode: str, size: tuple[int, int]
) -> None:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")

    assert (await inspector.inspect(file.getvalue(), ACME)).width == size[0]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (8, 8), (9, 17), (33, 7)])
async def test_an_interlaced_png_is_counted_right(inspector: Inspector, size: tuple[int, int]) -> None:
    found = await inspector.inspect(interlaced(*size), ACME)

    assert (found.width, found.height) == size


async def test_the_limit_of_pixels_is_for_the_whole_image(inspector: Inspector) -> None:
    assert (await inspector.inspect(picture("PNG", (1000, 1000)), ACME)).width == 1000
    with pytest.raises(Flaw, match="1001x1000; at most 1000000 pixels"):
        await inspector.inspect(picture("PNG", (1001, 1000)), ACME)


@pytest.mark.parametrize("stop", ["kill", "hang"])
async def test_a_decoder_that_dies_or_hangs_could_not_read_and_is_replaced(
    monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    program = "import sys, time; sys.stdin.buffer.read(8); "
    program += "time.sleep(60)" if stop == "hang" else "sys.exit(9)"
    decoder = Decoder()
    with monkeypatch.context() as patched:
        patched.setattr(module, "_PATIENCE_S", 0.5)
        patched.setattr(module, "_COMMAND", (*module._COMMAND[:3], program))
        with pytest.raises(Flaw, match="cannot be decoded within our limits"):
            await asyncio.to_thread(decoder.examine, PNG, 10_000)

    assert (await asyncio.to_thread(decoder.examine, PNG, 10_000))["width"] == 64
    decoder.end()


@pytest.mark.parametrize(
    ("deed", "works"),
    [
        ("b'x' * (256 << 20)", True),
        ("b'x' * (2 << 30)", False),
        ("open('/etc/hostname').read()", False),
        ("__import__('socket').socket()", False),
        ("__import__('os').pipe()", False),
        ("__import__('os').environ['DATABASE_URL']", False),
    ],
)
async def test_a_decoder_can_reach_nothing(monkeypatch: pytest.MonkeyPatch, deed: str, works: bool) -> None:
    """As seen from within, after it has confined itself: its answer says whether the deed could be done."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    program = f"""{module._PROGRAM.replace("main()", "")}
import socket, os
from tasks_service.pictures import decoder
def deed(*_):
    try:
        {deed}
    except (OSError, MemoryError, KeyError):
        return {{"works": False}}
    return {{"works": True}}
decoder._answer = deed
decoder.main()
"""
    monkeypatch.setattr(module, "_COMMAND", (*module._COMMAND[:3], program))
    decoder = Decoder()

    assert await asyncio.to_thread(decoder.examine, b"", 1) == {"works": works}
    decoder.end()


async def test_an_endless_decoding_ends_with_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"""{module._PROGRAM.replace("main()", "")}
from tasks_service.pictures import decoder
decoder.MOST_CPU_S = 0
def endless(*_):
    while True: pass
decoder._answer = endless
decoder.main()
"""
    monkeypatch.setattr(module, "_COMMAND", (*module._COMMAND[:3], program))
    decoder = Decoder()

    with pytest.raises(Flaw):
        await asyncio.to_thread(decoder.examine, PNG, 10_000)


async def test_the_loop_goes_on_while_images_are_decoded(inspector: Inspector) -> None:
    content = picture("PNG", (1000, 1000))
    looks = asyncio.gather(*(inspector.inspect(content, ACME) for _ in range(12)))
    turns = 0
    while not looks.done():
        turns += 1
        await asyncio.sleep(0)
    # Had one image been decoded here, there would be no turn until it is done: a handful for all twelve.
    assert turns > 100
    assert len({found.sha256 for found in await looks}) == 1


def of_sides(jpeg: bytes, width: int, height: int) -> bytes:
    """The same scans, and a header that says how large the image is."""
    frame = jpeg.index(b"\xff\xc2") + 5
    return jpeg[:frame] + struct.pack(">HH", height, width) + jpeg[frame + 4 :]


def test_a_large_jpeg_may_go_over_itself_less_often_than_a_small_one() -> None:
    usual, many = picture("JPEG", (64, 64), progressive=True), scans(30)

    assert structure_of(of_sides(usual, 8000, 6000), 50_000_000).width == 8000
    assert structure_of(of_sides(many, 1000, 1000), 50_000_000).width == 1000
    with pytest.raises(Flaw) as refused:
        structure_of(of_sides(many, 8000, 6000), 50_000_000)
    assert "scans" in refused.value.words


async def test_an_account_with_heavy_images_keeps_one_decoder_busy_and_no_more(inspector: Inspector) -> None:
    content = picture("PNG", (1000, 1000))
    async with inspector._accounts.place(ACME):
        heavy = [asyncio.create_task(inspector.inspect(content, ACME)) for _ in range(3)]
        # Those wait for the one that their account has under way; another account does not.
        assert (await inspector.inspect(PNG, GLOBEX)).type == "image/png"
        assert not any(one.done() for one in heavy)
    assert len(await asyncio.gather(*heavy)) == 3


async def test_a_share_that_nobody_uses_is_forgotten() -> None:
    shares = Shares(1, 1, 60)
    async with shares.place(ACME), shares.place(GLOBEX):
        assert len(shares) == 2
        waiting = asyncio.create_task(_through(shares, ACME))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await _through(shares, ACME)
    await waiting
    assert len(shares) == 0


async def _through(shares: Shares, whose: int) -> None:
    async with shares.place(whose):
        pass


async def test_a_queue_that_is_full_says_come_later() -> None:
    room = Room(1, 1, 60)
    async with room.place():
        waiting = asyncio.create_task(room._enter())
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            async with room.place():
                pass
        assert refused.value.headers["Retry-After"]
    await waiting
    assert not room.empty


async def test_whoever_waits_too_long_for_a_place_is_told() -> None:
    room = Room(1, 5, 0.01)
    async with room.place():
        with pytest.raises(Overloaded):
            async with room.place():
                pass
    assert room.empty


def examined(decoder: Decoder, content: bytes) -> Any:
    try:
        return decoder.examine(content, 10_000)
    except Flaw:
        return {"flaw": "died"}


@pytest.fixture(scope="module")
def decoder() -> Any:
    one = Decoder()
    yield one
    one.end()


LITTLE = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@LITTLE
@given(kind=st.sampled_from(sorted(GOOD)), share=st.floats(0, 0.999))
def test_no_beginning_of_an_image_is_an_image(decoder: Decoder, kind: str, share: float) -> None:
    content = GOOD[kind]

    assert "flaw" in examined(decoder, content[: int(len(content) * share)])


@LITTLE
@given(
    kind=st.sampled_from(sorted(GOOD)),
    more=st.binary(min_size=1, max_size=300).filter(lambda m: m.strip(b"\0")),
)
def test_nothing_may_follow_an_image(decoder: Decoder, kind: str, more: bytes) -> None:
    assert "flaw" in examined(decoder, GOOD[kind] + more)


@LITTLE
@given(
    kind=st.sampled_from(sorted(GOOD)),
    hits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8),
)
def test_damage_kills_no_decoder(decoder: Decoder, kind: str, hits: Any) -> None:
    content = bytearray(GOOD[kind])
    for where, value in hits:
        content[int(len(content) * where)] = value

    told = examined(decoder, bytes(content))
    assert told.keys() in ({"flaw", "words"}, {"type", "width", "height"}), told
