"""A size that is not offered is mended so that it fits the ratio and the resolution beside it."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.capabilities import FreeSizes, Kind, Model
from schemas.rules import check
from schemas.rules.beside import beside
from schemas.rules.free_sizes import is_free_size, nearest_free_size
from schemas.task import TaskRequest

FREE = FreeSizes(multiple_of=16, side_max=3840, pixels_min=655_360, pixels_max=8_294_400, ratio_max=3)
RATIOS, RESOLUTIONS = ("1:1", "16:9", "9:16", "21:9"), ("720p", "1080p", "2k")
STILL = Model(name="still", kind=Kind.IMAGE, ratios=RATIOS, free_sizes=FREE, resolutions=RESOLUTIONS)
# A square of 720 lines has fewer pixels than the vendor makes.
SMALLER_THAN_ANY = ("1:1", "720p")


def asked(model: Model = STILL, **parameters: str | None) -> TaskRequest:
    return TaskRequest.model_validate({"model": model.name, "prompt": "a boat"} | parameters)


@pytest.mark.parametrize(
    ("size", "around", "nearest"),
    [
        ("1x1", {"resolution": "1080p"}, "1088x1088"),
        ("1x1", {"resolution": "2k"}, "2048x2048"),
        ("1x1", {"ratio": "16:9"}, "1088x608"),
        ("100x100", {"ratio": "16:9", "resolution": "2k"}, "2736x1536"),
        ("1281x721", {"ratio": "16:9", "resolution": "720p"}, "1280x720"),
        ("721x1281", {"ratio": "16:9", "resolution": "720p"}, "1280x720"),
        ("2000x1001", {"resolution": "720p"}, "1440x720"),
        # A square of 720 lines is too small for the vendor, so it becomes as square as can be.
        ("500x500", {"resolution": "720p"}, "784x848"),
    ],
)
def test_the_nearest_size_fits_what_stands_beside_it(size, around, nearest):
    [wrong] = check(asked(size=size, **around), STILL)

    assert (wrong.pointer, wrong.code, wrong.nearest) == ("/size", "not_offered", nearest)
    assert check(asked(size=nearest, **around), STILL) == []


@pytest.mark.parametrize("ratio", [None, *RATIOS])
@pytest.mark.parametrize("resolution", [None, *RESOLUTIONS])
@pytest.mark.parametrize(
    "size", ["1x1", "9000x9001", "4000x100", "100x4000", "1000x1000", "big", "1024*1024"]
)
def test_beside_a_ratio_and_a_resolution_there_is_a_size_to_name(size, ratio, resolution):
    around = {"ratio": ratio, "resolution": resolution}
    wrong = next(one for one in check(asked(size=size, **around), STILL) if one.pointer == "/size")

    assert wrong.code == "not_offered"
    assert (wrong.nearest is None) is ((ratio, resolution) == SMALLER_THAN_ANY)
    assert check(asked(size=wrong.nearest, **around), STILL) == []


def test_where_no_size_at_all_fits_what_stands_beside_it_this_is_said():
    ratio, resolution = SMALLER_THAN_ANY
    [wrong] = check(asked(size="1x1", ratio=ratio, resolution=resolution), STILL)

    assert wrong.nearest is None
    assert wrong.detail.endswith(" None of these goes with the rest of the request; leave it out.")


GRIDS = st.builds(
    FreeSizes,
    multiple_of=st.sampled_from([32, 48, 64]),
    side_min=st.sampled_from([None, 256, 500]),
    side_max=st.sampled_from([1024, 1500]),
    pixels_min=st.sampled_from([None, 300_000, 1_000_000]),
    pixels_max=st.sampled_from([None, 400_000, 1_100_000]),
    ratio_max=st.sampled_from([None, 1, 1.5, 3]),
)


@given(
    GRIDS,
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.sampled_from([None, "1:1", "16:9", "3:4", "1.02:1", "5:1"]),
    st.sampled_from([None, "480p", "720p", "1k", "8k", "high"]),
)
def test_a_size_is_found_exactly_where_there_is_one(free, width, height, ratio, resolution):
    around = beside(
        asked(ratio=ratio, resolution=resolution),
        STILL.model_copy(update={"ratios": None, "resolutions": None}),
    )
    sides = range(free.multiple_of, free.side_max + 1, free.multiple_of)
    fitting = {
        f"{w}x{h}" for w, h in product(sides, sides) if is_free_size(w, h, free) and around.agree(w, h)
    }

    found = nearest_free_size(width, height, free, around)

    assert found in fitting if fitting else found is None
