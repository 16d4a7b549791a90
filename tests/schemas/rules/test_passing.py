"""What is remembered of a shape that passed is true of every request that has it, and of no other."""

import inspect
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.capabilities import GIVEN, Combination, Kind, Model, Span
from schemas.rules import RULES, check, not_checked, passing, with_defaults
from schemas.rules.filing import callback_is_an_address
from schemas.rules.outline import Outline, Shape, key_of, says_enough
from schemas.rules.passing import OF_SHAPE, Passing
from schemas.task import TaskRequest

from .departures import wrong_requests
from .requests import allowed, request_of
from .test_catalogue import EACH, MODELS, QUICK, STILL

TODAY = date(2020, 1, 1)  # before any model was retired
PASSING = {model.name: Passing(model) for model in (*MODELS, STILL)}
LOOSE = Model(
    name="loose",
    kind=Kind.IMAGE,
    seed=True,
    negative_prompt=True,
    options={"strength": (1, 0.5), "tools": "free", "unknown": None},
    combinations=(Combination(when={"seed": (GIVEN,)}, then={"n": (1,), "negative_prompt": ()}),),
    n_max=4,
)


def asked(**parameters: Any) -> TaskRequest:
    return request_of({"prompt": "a boat"} | parameters, LOOSE)


def agree(request: TaskRequest, model: Model, passing: Passing) -> bool:
    """Whether a request passes; both ways of finding out say the same of it."""
    passed, wrong = passing.passed(request, TODAY), check(request, model)
    if passed is None:
        assert wrong or key_of(request) is None or not says_enough(model)
        return False
    filled = with_defaults(request, model)
    assert wrong == []
    # As text, because 1, 1.0 and true are equal, and so are options in another order.
    assert (repr(passed.request), passed.not_checked) == (repr(filled), not_checked(filled, model))
    return True


@EACH
@settings(max_examples=10, **QUICK)
@given(data=st.data())
def test_what_a_table_allows_passes_with_the_same_defaults(model, data):
    request = request_of(data.draw(allowed(model)), model)

    for _ in range(2):
        assert agree(request, model, PASSING[model.name]) == (key_of(request) is not None)


@EACH
def test_what_is_wrong_does_not_pass_beside_what_is_right(model):
    assert taken_wrongly(model, PASSING[model.name]) == []


# As long as callbacks are not offered, an address that is none is not the only thing wrong with it.
ALONE = [rule for rule in RULES if rule is not callback_is_an_address]


@pytest.mark.parametrize("rule", ALONE, ids=lambda rule: rule.__name__)
def test_without_a_rule_something_would_pass_that_is_wrong(monkeypatch, rule):
    """The negative control of the test above."""
    monkeypatch.setattr(passing, "OF_SHAPE", tuple(one for one in OF_SHAPE if one is not rule))
    monkeypatch.setattr(passing, "_OF_EACH", tuple(one for one in passing._OF_EACH if one is not rule))

    assert any(taken_wrongly(model, Passing(model)) for model in (STILL, *MODELS))


def taken_wrongly(model: Model, passing: Passing) -> list[str]:
    return [
        departure.name
        for wrong, departure in wrong_requests(model)
        if check(request_of(wrong, model), model) and passing.passed(request_of(wrong, model), TODAY)
    ]


NUMBERS = st.sampled_from([None, 0, 1, 1.0, 0.5, -0.0, True, False, 2, "1", "x", [1], {"a": 1}, "y" * 65])


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "seed": st.integers(0, 3),
                "n": st.integers(0, 5),
                "negative_prompt": st.sampled_from(["", "rain", "\x07"]),
                "prompt": st.sampled_from(["a boat", "", "\x07"]),
                "metadata": st.sampled_from([{}, {"a": "b"}, {"a": "\x07"}, {"api_key": "sk-q8Zr2LmT5vXw9KpB3nYc"}]),
                "options": st.dictionaries(st.sampled_from(["strength", "tools", "unknown", "no"]), NUMBERS),
            },
        ),
        max_size=8,
    )
)  # fmt: skip
def test_nothing_that_went_before_decides(wishes: list[dict[str, Any]]) -> None:
    remembering = Passing(LOOSE)

    for wish in wishes * 2:
        agree(asked(**wish), LOOSE, remembering)


def test_one_shape_is_looked_at_once() -> None:
    remembering = Passing(LOOSE)

    assert agree(asked(seed=1, metadata={"a": "b"}), LOOSE, remembering)
    assert agree(asked(seed=2, prompt="another boat", external_id="x"), LOOSE, remembering)
    assert remembering._allowed.cache_info()[:2] == (1, 1)


def test_what_is_wrong_is_not_remembered() -> None:
    remembering = Passing(LOOSE)

    assert not agree(asked(n=9), LOOSE, remembering)
    assert not agree(asked(prompt=""), LOOSE, remembering)
    assert remembering._allowed.cache_info().currsize == 1


def test_true_is_not_one() -> None:
    remembering = Passing(LOOSE)

    assert agree(asked(options={"strength": 1}), LOOSE, remembering)
    assert not agree(asked(options={"strength": True}), LOOSE, remembering)


def test_what_is_long_or_has_parts_is_not_remembered() -> None:
    for value in ([1], {"a": 1}, None, "x" * 65):
        assert key_of(asked(options={"tools": value})) is None
        assert not agree(asked(options={"tools": value}), LOOSE, Passing(LOOSE))


def test_a_model_that_is_gone_passes_nothing() -> None:
    old = LOOSE.model_copy(update={"retires_on": TODAY})

    assert Passing(LOOSE).passed(asked(), TODAY)
    assert Passing(old).passed(asked(), TODAY) is None


@pytest.mark.parametrize(
    "combination",
    [
        Combination(when={"seed": (7,)}, then={"n": (2,)}),
        Combination(when={"n": (1,)}, then={"seed": Span(max=9)}),
        Combination(when={"n": (1,)}, then={"negative_prompt": ("rain",)}),
    ],
)
def test_where_it_matters_which_seed_it_is_no_shape_is_remembered(combination: Combination) -> None:
    picky = LOOSE.model_copy(update={"combinations": (combination,)})

    assert not says_enough(picky)
    assert Passing(picky).passed(asked(), TODAY) is None


@EACH
def test_of_every_model_that_is_known_shapes_are_remembered(model):
    assert says_enough(model)


def test_rules_of_the_shape_can_read_nothing_else() -> None:
    outline = Outline.of(key_of(asked(seed=7)))

    with pytest.raises(AttributeError):
        _ = outline.prompt
    assert outline.seed == GIVEN
    assert set(OF_SHAPE) < set(RULES)
    assert {inspect.signature(rule).parameters["request"].annotation for rule in OF_SHAPE} == {Shape}


def test_what_reads_the_words_of_a_request_is_asked_each_time():
    of_each = {rule.__name__ for rule in RULES} - {rule.__name__ for rule in OF_SHAPE}
    assert {"prompt_fits", "prompt_is_text", "labels_are_free_of_keys", "seed_is_offered"} <= of_each
    assert {"ratio_is_offered", "combinations_hold", "reference_images_fit"}.isdisjoint(of_each)
