"""Whether a value is among what a model offers, and what to say where it is not."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schemas.capabilities import Model, Span
from schemas.rules.nearest import in_span, nearest_in_span
from schemas.rules.violation import Violation

Order = Callable[[Any, Sequence[Any]], list[Any]]


def offered(
    name: str, got: Any, table: tuple[Any, ...] | Span | None, model: Model, nearest: Order
) -> Iterator[Violation]:
    """Nothing where nothing was asked for, or nobody told us what the model takes."""
    if got is None or table is None or is_among(got, table):
        return
    if table == ():
        detail = f"{model.name} does not take {name}; leave it out."
        yield Violation(f"/{name}", "not_supported", detail, got=got)
        return
    if isinstance(table, Span):
        detail = f"{model.name} does not offer {name} {shown(got)}; it offers {in_words(table)}."
        yield Violation(f"/{name}", "out_of_range", detail, got, _bounds(table), nearest_in_span(got, table))
        return
    detail = f"{model.name} does not offer {name} {shown(got)}; it offers {in_words(table)}."
    first, *others = [*nearest(got, table), None]
    known = tuple(one for one in others if one is not None)
    yield Violation(f"/{name}", "not_offered", detail, got, list(table), first, known)


def is_among(got: Any, table: tuple[Any, ...] | Span) -> bool:
    """Whether a value is in a list or a span; true is not one."""
    if isinstance(table, Span):
        return isinstance(got, int | float) and not isinstance(got, bool) and in_span(got, table)
    return any(one == got and isinstance(one, bool) == isinstance(got, bool) for one in table)


def in_words(table: tuple[Any, ...] | Span) -> str:
    """What is offered, as people say it."""
    if not isinstance(table, Span):
        return ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in table)
    low = "" if table.min is None else f"from {table.min:g} "
    high = "" if table.max is None else f"to {table.max:g} "
    step = f"in steps of {table.step:g}" if table.step else "in whole numbers" if table.whole else ""
    return f"{low}{high}{step}".strip() or "numbers"


def shown(got: Any) -> str:
    """A value in a sentence."""
    return f"{got:g}" if isinstance(got, float) else repr(got)


def _bounds(span: Span) -> dict[str, float]:
    known = {"min": span.min, "max": span.max, "step": span.step or (1 if span.whole else None)}
    return {name: value for name, value in known.items() if value is not None}
