"""Every rule has a refused and an accepted example, and says what would be right."""

import pytest

from schemas.capabilities import Kind, Model, ReferenceImages, Role
from schemas.rules import RULES, check, nearest_models, not_checked, with_defaults
from schemas.task import ReferenceImage, TaskRequest

FILM = Model(
    name="film",
    kind=Kind.VIDEO,
    ratios=("16:9", "9:16", "1:1"),
    sizes=("1280x720", "720x1280"),
    resolutions=("720p", "1080p"),
    durations_s=(5, 10),
    fps=(24,),
    n_max=2,
    reference_images=ReferenceImages(min=0, max=1, roles=(Role.FIRST_FRAME,)),
    prompt_max_chars=20,
    options=("style",),
    default_ratio="16:9",
    default_duration_s=5,
    seed=True,
)
IMAGE = ReferenceImage(role=Role.FIRST_FRAME, url="https://example.com/a.png")
STYLE = ReferenceImage(role=Role.STYLE, url="https://example.com/a.png")

REFUSED = {
    "prompt_is_given": [({"prompt": " \n"}, "/prompt", "prompt_empty", None)],
    "prompt_fits": [({"prompt": "x" * 21}, "/prompt", "too_long", 20)],
    "prompt_is_text": [
        ({"prompt": "a\x07"}, "/prompt", "control_character", None),
        ({"external_id": "\x1b[31m"}, "/external_id", "control_character", None),
    ],
    "ratio_is_offered": [
        ({"ratio": "16:10"}, "/ratio", "not_offered", "16:9"),
        ({"ratio": "4:5"}, "/ratio", "not_offered", "1:1"),
        ({"ratio": "16:0"}, "/ratio", "not_offered", "16:9"),
        ({"ratio": "١٦:٩"}, "/ratio", "not_offered", None),
    ],
    "size_is_offered": [({"size": "1920X1080"}, "/size", "not_offered", "1280x720")],
    "resolution_is_offered": [({"resolution": "720P"}, "/resolution", "not_offered", "720p")],
    "duration_is_offered": [
        ({"duration_s": 7.0}, "/duration_s", "not_offered", 5),
        ({"duration_s": -1.0}, "/duration_s", "not_offered", 5),
        ({"duration_s": 999.0}, "/duration_s", "not_offered", 10),
    ],
    "fps_is_offered": [({"fps": 25}, "/fps", "not_offered", 24)],
    "count_is_offered": [({"n": 3}, "/n", "out_of_range", 2), ({"n": 0}, "/n", "out_of_range", 1)],
    "switches_are_offered": [
        ({"negative_prompt": "rain"}, "/negative_prompt", "not_supported", None),
        ({"audio": True}, "/audio", "not_supported", None),
        ({"watermark": False}, "/watermark", "not_supported", None),
    ],
    "seed_is_in_range": [
        ({"seed": -1}, "/seed", "out_of_range", 0),
        ({"seed": 1 << 32}, "/seed", "out_of_range", None),
    ],
    "reference_images_fit": [
        ({"reference_images": (IMAGE, IMAGE)}, "/reference_images", "wrong_count", 1),
        ({"reference_images": (STYLE,)}, "/reference_images/0/role", "not_offered", None),
    ],
    "options_are_known": [({"options": {"styl/e": 1}}, "/options/styl~1e", "unknown_option", "style")],
    "metadata_is_text": [({"metadata": {"a\x00": "b"}}, "/metadata/a\x00", "control_character", None)],
}
ACCEPTED = {
    "prompt": "a boat\tin the rain\n",
    "ratio": "9:16",
    "size": "720x1280",
    "resolution": "1080p",
    "duration_s": 10,
    "fps": 24,
    "n": 2,
    "seed": (1 << 32) - 1,
    "reference_images": (IMAGE,),
    "options": {"style": "oil"},
    "metadata": {"team": "红队"},
}


def request(**parameters) -> TaskRequest:
    return TaskRequest(**({"model": "film", "prompt": "a boat"} | parameters))


def test_every_rule_has_refused_examples():
    assert set(REFUSED) == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(
    ("rule", "parameters", "pointer", "code", "nearest"),
    [(rule, *example) for rule, examples in REFUSED.items() for example in examples],
)
def test_a_rule_refuses_and_names_what_would_be_right(rule, parameters, pointer, code, nearest):
    [violation] = check(request(**parameters), FILM)

    assert (violation.pointer, violation.code) == (pointer, code)
    assert violation.detail
    if nearest is not None:
        assert violation.nearest == nearest
        assert [v.pointer for v in check(request(**parameters), FILM)] == [pointer]


def test_what_is_right_passes_every_rule():
    assert check(request(**ACCEPTED), FILM) == []


def test_everything_that_is_wrong_is_named_at_once():
    wrong = check(request(prompt="", ratio="2:1", duration_s=7.0, n=9, audio=True), FILM)

    assert [violation.pointer for violation in wrong] == ["/prompt", "/ratio", "/duration_s", "/n", "/audio"]


def test_what_nobody_told_us_is_passed_on_and_reported():
    unknown = FILM.model_copy(update={"ratios": None, "audio": None})
    asked = request(ratio="2:1", audio=True)

    assert check(asked, unknown) == []
    assert not_checked(asked, unknown) == ("ratio", "audio")


def test_defaults_fill_what_is_missing_and_nothing_else():
    assert with_defaults(request(), FILM).ratio == "16:9"
    assert with_defaults(request(size="720x1280"), FILM).ratio is None
    assert with_defaults(request(duration_s=10.0), FILM).duration_s == 10


@pytest.mark.parametrize(
    ("name", "nearest"),
    [(" Sora-2 ", "sora-2"), ("sora2", "sora-2"), ("sandbox-vidoe-1", "sandbox-video-1"), ("zzz", None)],
)
def test_the_model_that_was_probably_meant_comes_first(name, nearest):
    found = nearest_models(name, ["sora-2", "sora-2-pro", "sandbox-video-1"])

    assert (found[0] if found else None) == nearest
