"""How often to look at a task: seldom while it can hardly be done, often when it is likely to be.

What a provider's file declares is the bound: a look never comes sooner than its shortest wait, and from the
earliest age at which such a task has ended never later than the declared pace. Looking later never brings the
look after it forward.
"""

from dataclasses import dataclass

from schemas.capabilities import Model

# Vendors become quicker: where looks find tasks done at the earliest age, the next habit begins earlier.
_SOONER = 0.8
_LOOKS_WHEN_LIKELY = 10
FEWEST = 20  # tasks that make a habit


@dataclass(frozen=True, slots=True)
class Habit:
    """Between which ages a model's tasks end, as its own latest tasks did."""

    early_s: float  # hardly any ended before
    late_s: float  # hardly any ended after


def wait_s(model: Model, habit: Habit | None, age_s: float) -> float:
    """Seconds until the next look at a task of this age."""
    declared_s = model.pace(age_s)
    # The first look comes soon all the same: what an upstream refuses, it refuses at once.
    if habit is None or age_s < model.poll_min_s:
        return declared_s
    early_s = habit.early_s * _SOONER
    if age_s > max(habit.late_s, early_s):
        return declared_s
    often_s = min(max((habit.late_s - early_s) / _LOOKS_WHEN_LIKELY, model.poll_min_s), declared_s)
    return min(max(early_s - age_s, often_s), model.poll_max_s)
