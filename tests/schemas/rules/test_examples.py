"""Each family of models refuses what it does not take, says what would be right, and takes that."""

import pytest

from schemas.providers import PROVIDERS
from schemas.rules import RULES, check, with_defaults
from schemas.task import TaskRequest

from .examples import ALL, ELSEWHERE, FAMILIES
from .requests import body_of

MODELS = {model.name: model for provider in PROVIDERS.values() for model in provider.models}


def asked(model: str, parameters) -> TaskRequest:
    body = body_of(MODELS[model], parameters)
    return with_defaults(TaskRequest.model_validate(body, strict=False), MODELS[model])


def found_by(rule: str, request: TaskRequest, model: str):
    [one] = [one for one in RULES if one.__name__ == rule]
    return list(one(request, MODELS[model]))


def test_every_rule_has_examples():
    shown = {rule for _, rule, _ in ALL} | ELSEWHERE

    assert shown == {rule.__name__ for rule in RULES}


def test_every_provider_has_families_among_the_examples():
    assert {
        name for name, provider in PROVIDERS.items() if FAMILIES.keys() & {m.name for m in provider.models}
    } == set(PROVIDERS)


@pytest.mark.parametrize(("model", "rule", "example"), ALL)
def test_what_a_model_does_not_take_is_refused_with_what_would_be_right(model, rule, example):
    [violation] = found_by(rule, asked(model, example.refused), model)

    assert (violation.pointer, violation.code) == (example.pointer, example.code)
    assert violation.nearest == example.nearest
    assert violation.detail.endswith(".")
    assert (
        rule == "prompt_is_given"
        or str(violation.pointer).split("/")[1] in violation.detail + violation.pointer
    )


@pytest.mark.parametrize(("model", "rule", "example"), ALL)
def test_what_is_right_passes_every_rule(model, rule, example):
    request = asked(model, example.accepted)

    assert check(request, MODELS[model]) == []


def test_everything_that_is_wrong_is_named_at_once():
    wrong = {"prompt": "", "ratio": "2:1", "duration_s": 7.0, "n": 9, "audio": True, "seed": -1, "fps": 1}
    found = check(asked("sandbox-video-1", wrong), MODELS["sandbox-video-1"])

    assert [violation.pointer for violation in found] == [
        "/prompt", "/ratio", "/duration_s", "/fps", "/n", "/audio", "/seed",
    ]  # fmt: skip
