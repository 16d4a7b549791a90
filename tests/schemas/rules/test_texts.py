"""What is said makes sense to somebody who sees nothing else: which thing is wrong, and what to do."""

from datetime import date

import pytest

from schemas.capabilities import Kind, Mode, Model, ReferenceImages, Role
from schemas.pictures import Picture
from schemas.rules import check, judge
from schemas.task import TaskRequest

FILM = Model(
    name="film",
    kind=Kind.VIDEO,
    audio="always",
    modes=(Mode.TEXT, Mode.FIRST_FRAME, Mode.REFERENCE),
    images_and_n_max=4,
    n_max=4,
    reference_images=ReferenceImages(
        max=9,
        roles=(Role.FIRST_FRAME, Role.REFERENCE),
        formats=("image/png", "image/jpeg"),
        max_bytes=1000,
        total_bytes=1500,
        side_min=300,
        side_max=6000,
        ratio_min=0.4,
        ratio_max=2.5,
    ),
)
FIRST = {"role": "first_frame", "url": "https://example.com/a.png"}
ANY = {"url": "https://example.com/a.png"}


def asked(**parameters: object) -> TaskRequest:
    return TaskRequest.model_validate({"model": "film", "prompt": "a boat"} | parameters, strict=False)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"prompt": ""}, "The prompt is empty; say in words what is to be made."),
        ({"prompt": "\u200b"}, "The prompt holds nothing that can be seen; say in words what is to be made."),
        ({"audio": False}, "film always has audio, which cannot be switched off; leave it out or say true."),
        ({"options": {"x": 1}}, "film has no option 'x'; it has none at all, so leave it out."),
        (
            {"reference_images": [FIRST, FIRST]},
            (
                "film takes at most 1 image in the role first_frame; this is number 2. "
                "No other role goes with the rest of the request; leave the image out."
            ),
        ),
        (
            {"reference_images": [ANY] * 5},
            "5 reference images leave none to make: film takes and makes 4 together; give 3 at most.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(parameters: dict[str, object], said: str):
    assert said in [one.detail for one in check(asked(**parameters), FILM)]


def test_a_retired_model_without_a_successor_is_told_with_where_to_look():
    old = FILM.model_copy(update={"retires_on": date(2026, 9, 15)})

    [wrong] = judge(asked(), {"film": old}, date(2026, 9, 15))

    assert wrong.detail == (
        "film was retired by its vendor on 2026-09-15; GET /v1/models lists those that are still there."
    )


def picture(width: int, height: int, size: int = 500, type_: str = "image/png") -> Picture:
    return Picture(sha256="0" * 64, type=type_, bytes=size, width=width, height=height)


def test_of_several_images_it_is_told_which_one_is_meant():
    found = check(
        asked(reference_images=[ANY] * 3),
        FILM,
        [picture(640, 480), picture(299, 480, 1001, "image/gif"), picture(9000, 1000)],
    )

    assert [one.detail for one in found] == [
        "Image 2 of 3 is image/gif; film takes image/png, image/jpeg.",
        "Image 2 of 3 has 1001 bytes; film takes at most 1000.",
        "Image 2 of 3 is 299x480; film needs sides of at least 300 pixels.",
        "Image 3 of 3 is 9000x1000; film takes sides of at most 6000 pixels.",
        "Image 3 of 3 is 9000x1000; film takes images at least 0.4 and at most 2.5 times as wide as high.",
        "The reference images have 2001 bytes together; film takes at most 1500 together.",
    ]


def test_an_image_that_is_alone_has_no_number():
    [wrong] = check(asked(reference_images=[ANY]), FILM, [picture(299, 480)])

    assert wrong.detail == "The image is 299x480; film needs sides of at least 300 pixels."
