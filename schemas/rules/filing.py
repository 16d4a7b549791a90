"""Rules about what surrounds the work: options of one upstream, labels, and where to call back."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from schemas.capabilities import ListOf, Model, Span
from schemas.rules.keys import shown_address
from schemas.rules.nearest import by_number, by_word, nearest_in_span
from schemas.rules.offered import bounds, is_among
from schemas.rules.outline import Shape
from schemas.rules.violation import Violation, pointer_part
from schemas.rules.wording import in_words, shown
from schemas.task import TaskRequest


def options_are_known(request: Shape, model: Model) -> Iterator[Violation]:
    """`options` holds the fields of one upstream only; its provider file lists them."""
    for name, value in request.options.items():
        pointer = f"/options/{pointer_part(name)}"
        if name not in model.options:
            known = sorted(model.options)
            has = f"it has {', '.join(known)}" if known else "it has none at all, so leave it out"
            detail = f"{model.name} has no option {shown(name)}; {has}."
            nearest = next(iter(by_word(name, known)), None)
            yield Violation(pointer, "unknown_option", detail, name, known, nearest)
            continue
        table = model.options[name]
        if table is not None and table != "free" and not is_among(value, table):
            offers = f"it offers {in_words(table)}"
            detail = f"{model.name} does not offer {shown(value)} for the option {name}; {offers}."
            first, *others = _nearest(value, table, model.defaults.get(f"options.{name}"))
            yield Violation(pointer, "not_offered", detail, value, bounds(table), first, tuple(others))


def callback_is_an_address(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Whatever becomes of callbacks, only addresses of this form will ever be called."""
    if request.callback_url is None:
        return
    wrong = _what_is_wrong(request.callback_url)
    if wrong:
        detail = f"The callback address {wrong}; it must look like https://example.com/path."
        yield Violation("/callback_url", "not_an_address", detail, got=shown_address(request.callback_url))


def callbacks_are_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """There are none yet, and who counts on one would wait for ever."""
    if request.callback_url is not None:
        detail = "Callbacks are not there yet; leave it out and ask GET /v1/tasks/{id}?wait=60 instead."
        yield Violation("/callback_url", "not_supported", detail)


def _what_is_wrong(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "cannot be read"
    if not url.isascii() or not url.isprintable() or any(letter in url for letter in ' \\"<>^`{|}'):
        return "holds characters that an address cannot hold"
    if parts.scheme != "https":
        return "does not begin with https://"
    if parts.username is not None or parts.password is not None:
        return "holds a user name or password"
    if "." not in host.strip("."):
        return "has no public host name"
    if port not in (None, 443):
        return "has a port other than 443"
    return "has a fragment" if parts.fragment else None


def _nearest(got: Any, table: tuple[Any, ...] | Span | ListOf, default: Any) -> list[Any]:
    """The nearer first; to nothing at all what is meant by leaving it out is nearest."""
    if isinstance(table, ListOf):
        return [_nearest_list(got, table)]
    usual = [default] if got is None and default is not None else []
    number = got if isinstance(got, int | float) and not isinstance(got, bool) else None
    if isinstance(table, Span):
        return [*usual, nearest_in_span(number or 0, table)]
    near = by_word(got, table) if number is None else by_number(number, table)
    return list(dict.fromkeys([*usual, *near, *table]))


def _nearest_list(got: Any, table: ListOf) -> list[Any]:
    """Of the members that are offered the first ones; what stands alone becomes a list of one."""
    members: list[Any] = got if isinstance(got, list) else [] if got is None else [got]
    known = [one for one in members if table.each is None or is_among(one, table.each)]
    return known[: table.max]
