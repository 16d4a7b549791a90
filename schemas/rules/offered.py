"""Whether a value is among what a model offers, and what to say where it is not."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schemas.capabilities import ListOf, Model, Span
from schemas.rules.nearest import in_span, nearest_in_span, whole
from schemas.rules.violation import Violation
from schemas.rules.wording import in_words, shown

Order = Callable[[Any, Sequence[Any]], list[Any]]


def offered(
    name: str, got: Any, table: tuple[Any, ...] | Span | None, model: Model, nearest: Order
) -> Iterator[Violation]:
    """Nothing where nothing was asked for, or nobody told us what the model takes."""
    if got is None or table is None or is_among(got, table):
        return
    if table == ():
        yield not_taken(name, got, model)
        return
    detail = f"{model.name} does not offer {name} {shown(got)}; it offers {in_words(table)}."
    if isinstance(table, Span):
        yield Violation(f"/{name}", "out_of_range", detail, got, bounds(table), nearest_in_span(got, table))
        return
    first, *others = nearest(got, table) or [None]
    yield Violation(f"/{name}", "not_offered", detail, got, list(table), first, tuple(others))


def not_taken(name: str, got: Any, model: Model) -> Violation:
    """What the model does not take is refused, because dropping it would sell something else."""
    detail = f"{model.name} does not take {name}; leave it out."
    return Violation(f"/{name}", "not_supported", detail, got=got)


def is_among(got: Any, table: tuple[Any, ...] | Span | ListOf) -> bool:
    """Whether a value is in a list or a span, or a list of such; true is not one."""
    if isinstance(table, ListOf):
        few = isinstance(got, list) and (table.max is None or len(got) <= table.max)
        return few and (table.each is None or all(is_among(one, table.each) for one in got))
    if isinstance(table, Span):
        return isinstance(got, int | float) and not isinstance(got, bool) and in_span(got, table)
    return any(one == got and isinstance(one, bool) == isinstance(got, bool) for one in table)


def bounds(table: tuple[Any, ...] | Span | ListOf) -> dict[str, Any] | list[Any]:
    """A table as `allowed` shows it."""
    if isinstance(table, tuple):
        return list(table)
    if isinstance(table, ListOf):
        return table.model_dump(exclude_none=True)
    known = {"min": table.min, "max": table.max, "step": table.step or (1 if table.whole else None)}
    found: dict[str, Any] = {name: whole(value) for name, value in known.items() if value is not None}
    return found | ({"also": [whole(one) for one in table.also]} if table.also else {})
