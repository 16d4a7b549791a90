"""How often a task is looked at: bounded by its provider's file, and led by how long such tasks take."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.capabilities import Kind, Model
from schemas.pace import Habit, wait_s

AGES = st.floats(0, 100_000)
PATIENT = settings(deadline=None, max_examples=60)  # thousands of looks, on a machine that does other things


@st.composite
def models(draw):
    shortest = draw(st.floats(0.5, 10))
    return Model(
        name="m",
        kind=Kind.VIDEO,
        poll_min_s=shortest,
        poll_max_s=draw(st.floats(shortest, 60)),
        source="a test",
    )


@st.composite
def habits(draw):
    early = draw(st.floats(0, 3000))
    return Habit(early, early + draw(st.floats(0, 3000)))


def looks(model, habit, until_s: float) -> list[float]:
    """The ages at which a task is looked at, up to the first look after it ended."""
    ages = [0.0]
    while len(ages) == 1 or ages[-1] < until_s:
        ages.append(ages[-1] + wait_s(model, habit, ages[-1]))
    return ages[1:]


@PATIENT
@given(models(), st.none() | habits(), AGES)
def test_a_wait_keeps_to_the_bounds_of_the_providers_file(model, habit, age):
    assert model.poll_min_s <= wait_s(model, habit, age) <= model.poll_max_s


@PATIENT
@given(models(), st.none() | habits(), AGES, AGES)
def test_looking_later_never_brings_the_next_look_forward(model, habit, one, other):
    sooner, later = sorted((one, other))

    assert sooner + wait_s(model, habit, sooner) <= later + wait_s(model, habit, later) + 1e-6


@PATIENT
@given(models(), habits(), st.floats(0, 6000))
def test_what_ends_as_such_tasks_do_is_seen_as_soon_as_declared_or_sooner(model, habit, more):
    ends = habit.early_s + more
    seen = looks(model, habit, ends)[-1]

    assert seen - ends <= model.pace(ends) + 1e-6


@PATIENT
@given(models(), AGES)
def test_without_a_habit_the_declared_pace_holds(model, age):
    assert wait_s(model, None, age) == model.pace(age)


@PATIENT
@given(models(), habits())
def test_a_young_task_is_looked_at_soon_whatever_the_habit(model, habit):
    assert wait_s(model, habit, 0) == model.pace(0)


def test_a_habit_saves_most_looks_and_sees_the_end_sooner():
    model = Model(name="m", kind=Kind.VIDEO, poll_min_s=2, poll_max_s=30, source="a test")
    habit = Habit(100, 120)
    ends = [100 + n for n in range(21)]
    learned, declared = ([looks(model, one, end) for end in ends] for one in (habit, None))

    assert sum(map(len, learned)) < 0.6 * sum(map(len, declared))
    lags = [
        sum(ages[-1] - end for ages, end in zip(all_ages, ends, strict=True))
        for all_ages in (learned, declared)
    ]
    assert lags[0] < 0.6 * lags[1]


@pytest.mark.parametrize("takes", [3.0, 20.0, 60.0])
def test_a_vendor_that_becomes_quicker_is_noticed(takes):
    """What we see is the end as we found it, so each habit is made of the last one's looks."""
    model = Model(name="m", kind=Kind.VIDEO, poll_min_s=2, poll_max_s=30, source="a test")
    habit = Habit(200, 300)
    for _ in range(12):
        seen = looks(model, habit, takes)[-1]
        habit = Habit(seen, seen)

    assert looks(model, habit, takes)[-1] - takes <= 1.2 * model.pace(takes)
