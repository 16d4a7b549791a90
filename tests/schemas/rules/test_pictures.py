"""Images that were looked at: format, bytes and sides against what the model takes."""

import pytest

from schemas.capabilities import Kind, Mode, Model, ReferenceImages, Role
from schemas.pictures import Picture, mode_of
from schemas.rules import check
from schemas.task import TaskRequest

MODEL = Model(
    name="film",
    kind=Kind.VIDEO,
    reference_images=ReferenceImages(
        max=3,
        roles=(Role.FIRST_FRAME, Role.REFERENCE, Role.MASK),
        formats=("image/png", "image/jpeg"),
        max_bytes=1000,
        max_mask_bytes=100,
        total_bytes=1500,
        side_min=300,
        side_max=6000,
        ratio_min=0.4,
        ratio_max=2.5,
    ),
)


def picture(width: int = 640, height: int = 480, **changes) -> Picture:
    return Picture(
        **(
            {"sha256": "0" * 64, "type": "image/png", "bytes": 500, "width": width, "height": height}
            | changes
        )
    )


def told(*pictures: Picture | None, roles: tuple[Role, ...] = ()) -> list[tuple[str, str]]:
    given = roles or (Role.REFERENCE,) * len(pictures)
    images = [{"role": role, "url": "https://example.com/a"} for role in given]
    request = TaskRequest.model_validate(
        {"model": "film", "prompt": "x", "reference_images": images}, strict=False
    )
    return [(one.pointer, one.code) for one in check(request, MODEL, pictures)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "image/gif"}, "format_not_offered"),
        ({"bytes": 1001}, "too_large"),
        ({"width": 299}, "too_small"),
        ({"height": 299, "width": 700}, "too_small"),
        ({"width": 6001, "height": 3000}, "too_large"),
        ({"width": 1000, "height": 399}, "ratio_not_offered"),
        ({"width": 399, "height": 1000}, "ratio_not_offered"),
    ],
)
def test_what_the_model_does_not_take_is_named(changes, code):
    assert told(picture(**changes)) == [("/reference_images/0", code)]


@pytest.mark.parametrize(
    "changes", [{}, {"width": 300, "height": 300}, {"width": 6000, "height": 2400}, {"bytes": 1000}]
)
def test_what_it_takes_passes(changes):
    assert told(picture(**changes)) == []


def test_each_image_is_judged_and_so_is_their_sum():
    found = told(picture(bytes=900), picture(type="image/gif", width=10), picture(bytes=900))

    assert found == [
        ("/reference_images/1", "format_not_offered"),
        ("/reference_images/1", "too_small"),
        ("/reference_images/1", "ratio_not_offered"),
        ("/reference_images", "too_large"),
    ]


def test_a_mask_has_a_limit_of_its_own():
    found = told(picture(bytes=101), picture(), roles=(Role.MASK, Role.REFERENCE))

    assert found == [("/reference_images/0", "too_large")]


def test_a_mask_alone_is_asked_for_its_image():
    assert told(roles=(Role.MASK,)) == [("/reference_images", "image_missing")]


def test_of_what_could_not_be_read_nothing_is_said_here():
    assert told(None, picture()) == []


@pytest.mark.parametrize(
    ("roles", "mode"),
    [
        ((), Mode.TEXT),
        ((Role.FIRST_FRAME,), Mode.FIRST_FRAME),
        ((Role.LAST_FRAME,), Mode.LAST_FRAME),
        ((Role.LAST_FRAME, Role.FIRST_FRAME), Mode.FIRST_LAST_FRAME),
        ((Role.STYLE, Role.SUBJECT), Mode.REFERENCE),
        ((Role.FIRST_FRAME, Role.REFERENCE), Mode.FRAMES_AND_REFERENCES),
        ((Role.REFERENCE, Role.MASK), Mode.EDIT),
        ((Role.SOURCE,), Mode.EDIT),
        ((Role.KEYFRAME, Role.KEYFRAME), Mode.KEYFRAMES),
        ((Role.PERSON, Role.CLOTHING), Mode.REFERENCE),
    ],
)
def test_how_a_model_is_used_follows_from_the_images(roles, mode):
    assert mode_of(roles) is mode
