"""What the catalogue allows passes; what departs from it in one place is refused, with a way back."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import rules
from schemas.capabilities import FreeSizes, Kind, ListOf, Mode, Model, ReferenceImages, Role
from schemas.providers import PROVIDERS
from schemas.rules import RULES, Violation, check
from schemas.task import TaskRequest

from .departures import Departure, departures
from .requests import NEEDED, allowed, conditional, fitted, put, request_of

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
HOW_LARGE = frozenset({"ratio", "size", "resolution"})
EACH = pytest.mark.parametrize("model", [*MODELS, STILL], ids=lambda model: model.name)
QUICK = {"deadline": None, "suppress_health_check": [HealthCheck.filter_too_much, HealthCheck.too_slow]}

# Where only the author of a request knows what would be right.
AUTHOR_KNOWS = {
    "prompt_empty",
    "too_long",
    "control_character",
    "not_an_address",
    "mode_not_offered",
    "image_missing",
}
# Where what is named has to be left out, as it has where a combination allows nothing.
LEAVE_OUT = {"not_supported", "unknown_option", "contradiction", "whole_key"}


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
            mended = mend(body, departure, violation, model)
            assert mended is None or check(request_of(mended, model), model) == []


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


def put_in(body: dict[str, Any], departure: Departure) -> dict[str, Any]:
    if departure.name.startswith("options."):  # where null is a value
        name = departure.name.removeprefix("options.")
        return body | {"options": body.get("options", {}) | {name: departure.value}}
    return put(body, departure.name, departure.value)


def mend(
    body: dict[str, Any], departure: Departure, violation: Violation, model: Model
) -> dict[str, Any] | None:
    """The body as the violation advises; None where it is for its author to say."""
    if violation.code in AUTHOR_KNOWS or departure.name == "reference_images":
        return None
    if violation.nearest is not None and violation.code != "unknown_option":
        return put(body, departure.name, violation.nearest)
    option = model.options.get(departure.name.removeprefix("options."))
    nothing_allowed = violation.code == "not_with" and violation.allowed == []
    null_or_list = departure.value is None or isinstance(option, ListOf)
    # Beside another that says how large it becomes, leaving it out is what is right.
    said_otherwise = departure.name in HOW_LARGE and bool(HOW_LARGE & body.keys() - {departure.name})
    assert violation.code in LEAVE_OUT or nothing_allowed or null_or_list or said_otherwise, violation
    return put(body, departure.name, None)


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


def wrong_requests(model: Model) -> Iterator[tuple[dict[str, Any], Departure]]:
    """A model's plain requests, one for each way of using it, each with all departures from it."""
    for mode in model.modes or (Mode.TEXT,):
        plain = plain_request(model, mode)
        yield from ((put_in(plain, one), one) for one in departures(model, plain))
        yield from ((wrong, one) for wrong, one in beside(model, plain))


def plain_request(model: Model, mode: Mode) -> dict[str, Any]:
    limits = model.reference_images
    needed = limits.min if limits else 0
    free = [limits.roles[0]] if limits and limits.roles else []
    roles = NEEDED.get(mode, free) or free * needed
    images = [{"role": role, "url": "https://example.com/a.png"} for role in roles]
    body = {"model": model.name, "prompt": "a boat", "reference_images": images}
    return fitted(body | ({"size": model.sizes[0]} if model.sizes else {}), model)


def beside(model: Model, plain: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Departure]]:
    """What is offered, but not together."""
    tables = {"ratio": model.ratios, "resolution": model.resolutions, "negative_prompt": ("rain",)}
    for one in model.combinations:
        mode = "text" if not plain["reference_images"] else "first_frame"
        for name, only in one.then.items():
            others = [
                value for value in tables.get(name) or () if isinstance(only, tuple) and value not in only
            ]
            if list(one.when) == ["mode"] and mode in one.when["mode"] and others:
                departure = Departure(name, others[0], "not_with")
                yield put_in(plain, departure), departure


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
