"""A file is what its bytes say, not what its name or its sender says."""

import av
import pytest
from PIL import Image

from workers.media import Media, NotMedia, inspect


@pytest.mark.parametrize(
    ("form", "type_"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_a_picture_is_known_by_its_bytes(tmp_path, form, type_):
    file = tmp_path / "picture.txt"
    Image.new("RGB", (40, 30), "red").save(file, form)

    assert inspect(file) == Media(type_, 40, 30)


def film(path, *, container="mp4", seconds=2, faststart=False, codec="mpeg4"):
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=8)
        stream.width, stream.height = 64, 48
        for _ in range(8 * seconds):
            out.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("faststart", [True, False])
def test_a_film_tells_its_sides_and_its_duration(tmp_path, faststart):
    assert inspect(film(tmp_path / "a", faststart=faststart)) == Media("video/mp4", 64, 48, 2.0)


def test_quicktime_is_told_apart(tmp_path):
    assert inspect(film(tmp_path / "a", container="mov")).type == "video/quicktime"


def test_a_webm_film_is_whole_when_its_segment_is(tmp_path):
    whole = film(tmp_path / "a", container="webm", codec="libvpx").read_bytes()
    live = whole.replace(b"\x18\x53\x80\x67\x01" + whole[whole.index(b"\x18\x53\x80\x67") + 5 :][:7],
                         b"\x18\x53\x80\x67\x01" + b"\xff" * 7)  # fmt: skip

    assert inspect(tmp_path / "a") == Media("video/webm")
    (tmp_path / "live").write_bytes(live[:-10])
    assert inspect(tmp_path / "live") == Media("video/webm")
    for cut in (len(whole) - 1, len(whole) // 2, 40, 6, 4):
        (tmp_path / "cut").write_bytes(whole[:cut])
        with pytest.raises(NotMedia, match="cut short"):
            inspect(tmp_path / "cut")


def test_a_film_without_its_header_is_refused(tmp_path):
    whole = film(tmp_path / "a").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(NotMedia, match="cut short"):
        inspect(tmp_path / "cut")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        b"<svg onload='alert(1)'/>",
        b"\x89PNG\r\n\x1a\n but no more",
        b"\x00\x00\x00\x01ftyp" + b"\xff" * 64,
        b"\x00\x00\x00\x00ftyp" + b"\x00" * 64,
        b"\x00\x00\x00\x08moov" * 50_000,
    ],
)
def test_what_is_neither_is_refused(tmp_path, content):
    file = tmp_path / "file"
    file.write_bytes(content)

    with pytest.raises(NotMedia):
        inspect(file)


def test_a_picture_that_would_be_a_bomb_is_refused(tmp_path):
    file = tmp_path / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(file, "PNG")

    with pytest.raises(NotMedia):
        inspect(file)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_is_cut_short_is_refused(tmp_path, form):
    whole = tmp_path / "whole"
    Image.effect_noise((300, 300), 90).convert("RGB").save(whole, form)
    (tmp_path / "cut").write_bytes(whole.read_bytes()[:-2000])

    assert inspect(whole).width == 300
    with pytest.raises(NotMedia):
        inspect(tmp_path / "cut")


def test_a_film_whose_end_is_missing_is_refused_though_its_header_came_first(tmp_path):
    whole = film(tmp_path / "a", faststart=True).read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-100])

    with pytest.raises(NotMedia, match="cut short"):
        inspect(tmp_path / "cut")
