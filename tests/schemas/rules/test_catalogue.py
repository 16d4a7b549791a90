"""What the catalogue allows passes; what departs from it in one place is refused, with a way back."""

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schemas.capabilities import Model
from schemas.providers import PROVIDERS
from schemas.rules import RULES, check, not_checked, with_defaults
from schemas.rules.combinations import combinations_hold
from schemas.task import TaskRequest

from .requests import NOWHERE, allowed

MODELS = [model for provider in PROVIDERS.values() for model in provider.models]
EACH = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def request_of(body: dict[str, Any], model: Model) -> TaskRequest:
    return with_defaults(TaskRequest.model_validate(body, strict=False), model)


def passing(data: st.DataObject, model: Model) -> dict[str, Any]:
    body = data.draw(allowed(model))
    assume(not list(combinations_hold(request_of(body, model), model)))
    return body


@EACH
@QUICK
@given(data=st.data())
def test_whatever_a_model_s_table_allows_passes(model, data):
    body = passing(data, model)

    assert check(request_of(body, model), model) == []


@EACH
@QUICK
@given(data=st.data())
def test_one_departure_is_refused_and_what_lies_nearest_passes(model, data):
    body = passing(data, model)
    name = data.draw(st.sampled_from(sorted(NOWHERE)))
    departed = body | {name: data.draw(st.sampled_from(NOWHERE[name]))}
    before = check(request_of(body, model), model)
    found = check(request_of(departed, model), model)
    assume(name not in not_checked(request_of(departed, model), model))
    # What the table does allow is no departure: -1 is a seed at Ark.
    assume(found != before)

    assert {violation.pointer for violation in found} == {f"/{name}"}
    [violation] = found
    mended = {key: value for key, value in departed.items() if key != name}
    if violation.nearest is not None:
        mended[name] = violation.nearest
    assert check(request_of(mended, model), model) == []


@EACH
def test_every_model_says_where_its_facts_are_from(model):
    assert model.source
    assert model.as_of or model.name.startswith("sandbox-")


@EACH
def test_defaults_are_among_what_is_offered(model):
    needed = model.reference_images.min if model.reference_images else 0
    role = next(iter(model.reference_images.roles), None) if model.reference_images else None
    images = [{"role": role, "url": "https://example.com/a.png"}] * needed
    body = {"model": model.name, "prompt": "a boat", "reference_images": images}

    assert check(request_of(body, model), model) == []


@EACH
def test_combinations_name_parameters_that_exist(model):
    known = set(TaskRequest.model_fields) | {"mode", "images"} | {f"options.{name}" for name in model.options}

    for one in model.combinations:
        assert (one.when.keys() | one.then.keys()) <= known


def test_no_two_providers_call_a_model_by_the_same_name():
    names = [model.name for model in MODELS]

    assert len(names) == len(set(names))


def test_every_rule_has_a_name_that_says_what_is_so_when_it_passes():
    for rule in RULES:
        assert rule.__doc__
        assert any(f"_{verb}" in rule.__name__ for verb in ("is", "are", "fit", "fits", "agree", "hold"))
