"""What the catalogue allows passes; what departs from it in one place is refused, with a way back."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import rules
from schemas.capabilities import FreeSizes, Kind, ListOf, Mode, Model, ReferenceImages, Role
from schemas.providers import PROVIDERS
from schemas.rules import RULES, Violation, check
from schemas.task import TaskRequest

from .departures import Departure, departures, put_in, wrong_requests
from .requests import NEEDED, allowed, conditional, is_free, pictured, plain_request, put, request_of

MODELS = [model for provider in PROVIDERS.values() for model in provider.models]
# What no model of today's catalogue can show: free sizes beside ratios, masks, and counting together.
STILL = Model(
    name="still",
    kind=Kind.IMAGE,
    ratios=("1:1", "16:9", "9:16"),
    sizes=("1024x1024", "1280x720", "720x1280"),
    free_sizes=FreeSizes(
        multiple_of=16, side_max=3840, pixels_min=655_360, pixels_max=8_294_400, ratio_max=3
    ),
    resolutions=("720p", "1080p", "2k"),
    fps=(24, 30),
    n_max=10,
    images_and_n_max=12,
    audio="always",
    reference_images=ReferenceImages(max=4, roles=(Role.REFERENCE, Role.MASK)),
)
EACH = pytest.mark.parametrize("model", [*MODELS, STILL], ids=lambda model: model.name)
QUICK = {"deadline": None, "suppress_health_check": [HealthCheck.filter_too_much, HealthCheck.too_slow]}

# Where what is named has to be left out, as it has where a combination allows nothing.
LEAVE_OUT = {"not_supported", "unknown_option", "not_an_address", "whole_key"}


@EACH
@settings(max_examples=15, **QUICK)
@given(data=st.data())
def test_whatever_a_model_s_table_allows_passes(model, data):
    body = data.draw(allowed(model))

    assert check(request_of(body, model), model) == []


@EACH
@settings(max_examples=3, **QUICK)
@given(data=st.data())
def test_one_departure_is_refused_and_what_lies_nearest_passes(model, data):
    body = data.draw(allowed(model))

    for departure in departures(model, body):
        for violation in refused(model, body, departure):
            mended = ways_back(body, departure, violation, model)
            assert any(check(request_of(way, model), model) == [] for way in mended), violation


def refused(model: Model, body: dict[str, Any], departure: Departure) -> list[Violation]:
    """What is said of a departure, which must be that and nothing else."""
    found = check(request_of(put_in(body, departure), model), model)
    said = [
        one for one in found if one.pointer == departure.where and one.code in (departure.code, "not_with")
    ]
    assert said, f"{model.name} takes {departure}"
    alone = {one.pointer for one in found} == {departure.where}
    # Other images are another way of using a model, and some options have conditions of their own.
    assert alone or departure.name == "reference_images" or departure.name in conditional(model)
    return said if alone else []


def ways_back(
    body: dict[str, Any], departure: Departure, violation: Violation, model: Model
) -> list[dict[str, Any]]:
    """The body as the violation advises: with what lies nearest, or else as its words say."""
    name, value = departure.name, departure.value
    if name == "reference_images":
        return [put(body, name, images) for images in other_images(body, departure, violation, model)]
    if violation.nearest is not None and violation.code != "unknown_option":
        return [put(body, name, violation.nearest)]
    if violation.code == "prompt_empty":
        return [put(body, name, "a boat")]
    if violation.code == "too_long":
        return [put(body, name, value[: violation.allowed["max"]])]
    if violation.code == "control_character":
        harm = chr(int(violation.got.removeprefix("U+"), 16))
        return [put(body, name, without(harm, value))]
    nothing_allowed = violation.code == "not_with" and violation.allowed == []
    assert violation.code in LEAVE_OUT or nothing_allowed or nothing_fits(body, departure, violation, model)
    return [put(body, name, None)]


def other_images(
    body: dict[str, Any], departure: Departure, violation: Violation, model: Model
) -> Iterator[list[dict[str, Any]]]:
    """As many as are taken; in the role that lies nearest; or in one of the ways of using the model."""
    given, roles = departure.value, model.reference_images.roles
    if violation.pointer.endswith("/role"):
        at = int(violation.pointer.split("/")[2])
        if violation.nearest is None:
            assert nothing_fits(body, departure, violation, model)
            yield [*given[:at], *given[at + 1 :]]
        else:
            yield in_role(given, at, violation.nearest)
    elif violation.code == "wrong_count":
        yield pictured([given[0]["role"] if given else roles[0]] * violation.nearest)
    elif violation.code == "image_missing":
        yield [*given, *pictured([Role.REFERENCE])]
    else:
        assert violation.code in ("mode_not_offered", "not_with")
        followed = [one for one in roles if one not in (Role.FIRST_FRAME, Role.LAST_FRAME, Role.MASK)][:1]
        yield from (pictured(NEEDED.get(Mode(mode), followed)) for mode in violation.allowed)


def without(harm: str, value: Any) -> Any:
    return (
        {key: words.replace(harm, "") for key, words in value.items()}
        if isinstance(value, dict)
        else value.replace(harm, "")
    )


def nothing_fits(body: dict[str, Any], departure: Departure, violation: Violation, model: Model) -> bool:
    """The only reason not to name a nearest value: each that is offered is refused here, and this is said."""
    allowed, given = violation.allowed, departure.value
    if isinstance(allowed, list):
        offered: list[Any] = allowed
    elif "free" in allowed:
        offered = [*allowed["sizes"], *free_sizes_in(body["ratio"], model.free_sizes)]
    elif isinstance(model.options.get(departure.name.removeprefix("options.")), ListOf):
        offered = [[], ["x"]]
    else:
        offered = [allowed["min"], allowed["max"]]
    if violation.pointer.endswith("/role"):
        offered = [in_role(given, int(violation.pointer.split("/")[2]), role) for role in offered]
    others = [put_in(body, replace(departure, value=one)) for one in offered]
    said = violation.detail.endswith(
        ("; leave it out.", "; leave the image out.", "; leave one of them out.")
    )
    return said and all(check(request_of(other, model), model) for other in others)


def free_sizes_in(ratio: str, free: FreeSizes) -> Iterator[str]:
    """All of nearly a ratio; any other contradicts it."""
    wide, high = map(float, ratio.split(":"))
    sides = range(free.multiple_of, free.side_max + 1, free.multiple_of)
    near = (f"{w}x{h}" for w, h in product(sides, sides) if 0.9 < w / h / (wide / high) < 1.1)
    return (size for size in near if is_free(size, free))


def in_role(images: list[dict[str, Any]], at: int, role: str) -> list[dict[str, Any]]:
    return [image | ({"role": role} if n == at else {}) for n, image in enumerate(images)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_without_a_rule_something_would_be_taken_that_is_not_offered(monkeypatch, rule):
    """The negative control of the property above: it sees each rule that is not there."""
    monkeypatch.setattr(rules, "RULES", tuple(one for one in RULES if one is not rule))

    assert any(taken_wrongly(model) for model in (STILL, *MODELS))


def test_with_all_rules_no_departure_is_taken():
    assert [model.name for model in (STILL, *MODELS) if taken_wrongly(model)] == []


def taken_wrongly(model: Model) -> bool:
    """Whether a departure from one of a model's plain requests is not called what it is."""
    return any(
        not any(
            one.pointer == departure.where and one.code in (departure.code, "not_with")
            for one in rules._found(request_of(wrong, model), model)
        )
        for wrong, departure in wrong_requests(model)
    )


@EACH
def test_every_model_says_where_its_facts_are_from(model):
    assert model is STILL or model.source
    assert model is STILL or model.as_of or model.name.startswith("sandbox-")


@EACH
def test_defaults_are_among_what_is_offered(model):
    for mode in model.modes or (Mode.TEXT,):
        assert check(request_of(plain_request(model, mode), model), model) == []


@EACH
def test_combinations_and_defaults_name_parameters_that_exist(model):
    known = set(TaskRequest.model_fields) | {"mode", "images"} | {f"options.{name}" for name in model.options}

    assert model.defaults.keys() <= known
    for one in model.combinations:
        assert (one.when.keys() | one.then.keys()) <= known


def test_no_two_providers_call_a_model_by_the_same_name():
    names = [model.name for model in MODELS]

    assert len(names) == len(set(names))


def test_every_rule_has_a_name_that_says_what_is_so_when_it_passes():
    for rule in RULES:
        assert rule.__doc__
        assert any(f"_{verb}" in rule.__name__ for verb in ("is", "are", "fit", "fits", "agree", "hold"))
