"""Kling's omni endpoints: where requests go, how images are listed, and what goes together."""

import pytest

from schemas.providers import model_of
from schemas.rules import check, with_defaults
from tests.schemas.test_kling import FRAME, TAIL, asked, sent

OTHER = {"role": "reference", "data": "data:image/png;base64,iVBORw0K"}


@pytest.mark.parametrize(
    ("model", "path", "name"),
    [
        ("kling-video-o1", "/v1/videos/omni-video", "kling-video-o1"),
        ("kling-v3-omni", "/v1/videos/omni-video", "kling-v3-omni"),
        ("kling-image-o1", "/v1/images/omni-image", "kling-image-o1"),
        ("kling-image-v3-omni", "/v1/images/omni-image", "kling-v3-omni"),
    ],
)
def test_an_omni_model_has_one_endpoint_and_klings_own_name(model, path, name):
    where, body = sent(model=model)

    assert (where, body["model_name"]) == (path, name)
    assert "image_list" not in body


def test_frames_are_typed_and_references_are_not():
    _, framed = sent(model="kling-video-o1", reference_images=[FRAME, TAIL], duration_s=7.0)
    _, followed = sent(model="kling-video-o1", reference_images=[OTHER], ratio="1:1")

    assert framed["image_list"] == [
        {"image_url": "https://x/first.png", "type": "first_frame"},
        {"image_url": "iVBORw0K", "type": "end_frame"},
    ]
    assert (framed["duration"], followed["image_list"]) == ("7", [{"image_url": "iVBORw0K"}])


def test_an_omni_image_lists_its_images():
    _, body = sent(model="kling-image-o1", reference_images=[OTHER, OTHER], n=2, ratio="auto")

    assert body["image_list"] == [{"image": "iVBORw0K"}] * 2
    assert (body["n"], body["aspect_ratio"]) == (2, "auto")


@pytest.mark.parametrize(
    ("images", "duration_s", "wrong"),
    [
        ([], 7.0, ["/duration_s"]),
        ([FRAME], 7.0, ["/duration_s"]),
        ([FRAME, TAIL], 7.0, []),
        ([OTHER], 7.0, []),
        ([FRAME, TAIL, OTHER], 5.0, ["/reference_images"]),
    ],
)
def test_o1_is_free_in_length_only_with_more_than_a_first_frame(images, duration_s, wrong):
    model = model_of("kling", "kling-video-o1")
    request = with_defaults(asked(model.name, reference_images=images, duration_s=duration_s), model)

    assert [violation.pointer for violation in check(request, model)] == wrong
