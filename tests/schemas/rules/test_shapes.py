"""Sizes, ratios and resolutions: free ones, required ones, and those that contradict each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.capabilities import Combination, FreeSizes, Kind, Model, Span
from schemas.rules import check, not_checked, with_defaults
from schemas.rules.free_sizes import is_free_size, nearest_free_size
from schemas.rules.nearest import in_span, nearest_in_span
from schemas.task import TaskRequest

FREE = FreeSizes(multiple_of=16, side_max=3840, pixels_min=655_360, pixels_max=8_294_400, ratio_max=3)
STILL = Model(
    name="still",
    kind=Kind.IMAGE,
    ratios=("1:1", "16:9", "9:19.5"),
    sizes=("auto", "1024x1024"),
    free_sizes=FREE,
    resolutions=("720p", "1080p", "2k"),
    fps=(24,),
    n_max=10,
    images_and_n_max=12,
)


def asked(model: Model = STILL, **parameters) -> TaskRequest:
    return TaskRequest(model=model.name, prompt="a boat", **parameters)


def told(model: Model = STILL, **parameters) -> list[tuple[str, str, object]]:
    return [(one.pointer, one.code, one.nearest) for one in check(asked(model, **parameters), model)]


@pytest.mark.parametrize("size", ["auto", "1024x1024", "1280x720", "3840x2160", "768x2304"])
def test_listed_sizes_and_those_of_the_vendor_s_rule_pass(size):
    assert told(size=size) == []


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ("1000x1000", "1008x1008"),
        ("1x1", "816x816"),
        ("9000x9000", "2880x2880"),
        ("4000x100", None),
        ("1024*1024", "1024x1024"),
        ("1280X720", "1280x720"),
        (" 1280x720", "1280x720"),
        ("big", "auto"),
    ],
)
def test_another_size_is_refused_with_one_of_nearly_the_same_shape(size, nearest):
    [(pointer, code, found)] = told(size=size)

    assert (pointer, code) == ("/size", "not_offered")
    assert nearest in (None, found)
    assert told(size=found) == []


@given(
    st.integers(1, 20_000),
    st.integers(1, 20_000),
    st.sampled_from([1, 2, 8, 16, 32, 64]),
    st.sampled_from([1.5, 3, 16]),
)
def test_the_nearest_free_size_is_one_that_is_offered(width, height, grid, ratio):
    free = FreeSizes(
        multiple_of=grid,
        side_min=256,
        side_max=4096,
        pixels_min=300_000,
        pixels_max=9_000_000,
        ratio_max=ratio,
    )
    found = nearest_free_size(width, height, free)

    assert found is not None
    assert is_free_size(*(int(side) for side in found.split("x")), free)


@given(st.floats(-1e4, 1e4), st.integers(0, 50), st.integers(1, 60), st.sampled_from([None, 0.5, 1, 3]))
def test_the_nearest_of_a_span_lies_in_it(got, low, length, step):
    span = Span(min=low, max=low + length, step=step)

    assert in_span(nearest_in_span(got, span), span)


@pytest.mark.parametrize(
    ("parameters", "pointer", "nearest"),
    [
        ({"ratio": "16:9", "size": "1024x1024"}, "/ratio", "1:1"),
        ({"ratio": "9:19.5", "size": "1024x1024"}, "/ratio", "1:1"),
        ({"ratio": "1:1", "size": "1024x1280"}, "/ratio", None),
        ({"resolution": "1080p", "size": "1280x720"}, "/resolution", "720p"),
        ({"resolution": "2k", "size": "1024x1024"}, "/resolution", "1080p"),
        ({"resolution": "2k", "size": "864x864"}, "/resolution", None),
    ],
)
def test_a_size_that_contradicts_what_stands_beside_it_is_named_as_such(parameters, pointer, nearest):
    [wrong] = check(asked(**parameters), STILL)

    assert (wrong.pointer, wrong.code, wrong.nearest) == (pointer, "contradiction", nearest)
    assert wrong.detail.endswith("contradict each other; leave one of them out.")


@pytest.mark.parametrize(
    "parameters",
    [
        {"ratio": "16:9", "size": "1280x720"},
        {"ratio": "16:9", "size": "1664x928"},
        {"resolution": "1080p", "size": "1920x1088"},
        {"resolution": "2k", "size": "2048x2048"},
        {"resolution": "2k", "size": "2560x1440"},
    ],
)
def test_a_size_that_a_vendor_rounds_to_contradicts_nothing(parameters):
    assert told(**parameters) == []


def test_a_ratio_that_is_needed_is_asked_for():
    needy = STILL.model_copy(update={"ratio_required": True})

    assert told(needy) == [("/ratio", "missing", "1:1")]
    assert told(needy, ratio="16:9") == told(needy, size="1024x1024") == []


def test_what_is_made_and_what_is_given_count_together():
    images = ({"url": "https://example.com/a.png"},) * 4
    roomy = STILL.model_copy(update={"reference_images": None})

    wrong = check(
        TaskRequest.model_validate({"model": "s", "prompt": "x", "n": 9, "reference_images": images}), roomy
    )

    assert [(one.pointer, one.nearest) for one in wrong] == [("/n", 8)]


def test_images_that_leave_none_to_make_are_too_many():
    images = ({"url": "https://example.com/a.png"},) * 12
    roomy = STILL.model_copy(update={"reference_images": None})
    body = {"model": "s", "prompt": "x", "reference_images": images}

    [wrong] = check(with_defaults(TaskRequest.model_validate(body), roomy), roomy)

    assert (wrong.pointer, wrong.allowed) == ("/reference_images", {"max": 11})


def test_a_ratio_is_mended_so_that_it_fits_the_size():
    assert told(ratio="2:1", size="1024x1024") == [("/ratio", "not_offered", "1:1")]
    assert told(ratio="2:1", size="1280x720") == [("/ratio", "not_offered", "16:9")]


def test_where_no_other_value_fits_either_this_is_said():
    [ratio] = check(asked(ratio="2:1", size="1024x1280"), STILL)
    [resolution] = check(asked(resolution="9p", size="864x864"), STILL)

    assert (ratio.code, ratio.nearest) == (resolution.code, resolution.nearest) == ("not_offered", None)
    for wrong in (ratio, resolution):
        assert wrong.detail.endswith(" None of these goes with the rest of the request; leave it out.")


def test_words_stand_behind_the_numbers_and_are_proposed_where_no_number_fits():
    adaptive = STILL.model_copy(update={"ratios": ("1:1", "adaptive"), "resolutions": ("720p", "native")})

    assert told(adaptive, ratio="2:1") == [("/ratio", "not_offered", "1:1")]
    assert told(adaptive, ratio="2:1", size="1024x1280") == [("/ratio", "not_offered", "adaptive")]
    assert told(adaptive, resolution="9p", size="1024x1280") == [("/resolution", "not_offered", "native")]


def test_a_default_never_contradicts_what_was_said():
    sized = STILL.model_copy(update={"default_size": "1024x1024"})

    assert with_defaults(asked(sized), sized).size == "1024x1024"
    assert with_defaults(asked(sized, resolution="1080p"), sized).size is None


def test_very_far_is_nearest_to_the_largest():
    film = STILL.model_copy(update={"durations_s": (2, 5, 10)})

    assert told(film, duration_s=1e308) == [("/duration_s", "not_offered", 10)]
    assert told(film, duration_s=-1e308) == [("/duration_s", "not_offered", 2)]


def test_a_length_that_is_left_to_the_upstream_stands_beside_the_range():
    film = STILL.model_copy(update={"durations_s": Span(min=4, max=30, whole=True, also=(-1,))})

    assert told(film, duration_s=-1.0) == told(film, duration_s=4.0) == []
    assert told(film, duration_s=-2.0) == [("/duration_s", "out_of_range", 4)]


@pytest.mark.parametrize(("fps", "code"), [(24, None), (25, "not_offered")])
def test_frames_a_second_come_from_the_list(fps, code):
    assert [one[1] for one in told(fps=fps)] == ([code] if code else [])


def test_what_nobody_told_us_is_passed_on_and_reported():
    unknown = STILL.model_copy(update={"ratios": None, "audio": None, "options": {"tools": None}})
    request = asked(unknown, ratio="2:1", audio=True, options={"tools": []})

    assert check(request, unknown) == []
    assert not_checked(request, unknown) == ("ratio", "audio", "prompt", "options.tools")


def test_defaults_fill_what_is_missing_and_nothing_else():
    film = Model(
        name="film", kind=Kind.VIDEO, ratios=("16:9",), sizes=("1x1",), durations_s=(5, 6, 10), resolutions=("1080P",),
        default_ratio="16:9", default_duration_s=5,
        combinations=(Combination(when={"resolution": ("1080P",)}, then={"duration_s": (6,)}),),
    )  # fmt: skip

    assert with_defaults(asked(film), film).ratio == "16:9"
    assert with_defaults(asked(film, size="1x1"), film).ratio is None
    assert with_defaults(asked(film, duration_s=10.0), film).duration_s == 10
    assert with_defaults(asked(film, resolution="1080P"), film).duration_s == 6


def test_defaults_of_switches_and_options_are_filled_where_they_go_with_the_rest():
    film = Model(
        name="film", kind=Kind.VIDEO, watermark=True, audio=True, options={"mode": ("std", "pro"), "style": "free"},
        defaults={"watermark": False, "options.mode": "std"},
        combinations=(Combination(when={"audio": (True,)}, then={"options.mode": ("pro",)}, required=True),),
    )  # fmt: skip

    assert with_defaults(asked(film, options={"style": "x"}), film).options == {"style": "x", "mode": "std"}
    assert with_defaults(asked(film), film).watermark is False
    # What costs more is for the customer to choose.
    loud = with_defaults(asked(film, audio=True), film)
    assert loud.options == {}
    assert [(one.pointer, one.code, one.nearest) for one in check(loud, film)] == [
        ("/options/mode", "missing", "pro")
    ]
