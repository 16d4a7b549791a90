"""Departures from a model's table in one place; that they are some is read off the table, never off a rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.capabilities import ListOf, Mode, Model, PromptUnit, Role, Span

from .examples import KEY
from .requests import NEEDED, is_free, plain_request, put

_ADDRESS = "https://example.com/a.png"
_SEEDS = Span(min=0, max=(1 << 32) - 1)
_VALUES: dict[str, tuple[Any, ...]] = {
    "ratio": ("7:3", "0:1", "wide", " 16:9 ", "1.9:1"),
    "size": ("1x1", "640x481", "big", "1024*1024", "1024X1024", "4000x100", "9000x9001"),
    "resolution": ("9p", "8K", "720 p"),
    "duration_s": (999.0, 0.5, -2.0, 5.25, 5.0000001, 1e308),
    "fps": (7, 0),
    "n": (0, 99, -1),
    "seed": (-2, 1 << 33),
    "audio": (True, False),
    "watermark": (True, False),
    "negative_prompt": ("rain",),
}


@dataclass(frozen=True)
class Departure:
    """One value of a request that is wrong by the table; where that has to be said, and as what."""

    name: str
    value: Any
    code: str
    pointer: str = ""

    @property
    def where(self) -> str:
        return self.pointer or f"/{self.name.replace('.', '/')}"


def departures(model: Model, body: dict[str, Any]) -> Iterator[Departure]:
    """All that are known for a body that passes."""
    for name, values in _VALUES.items():
        for value in values:
            code = _what_it_is(name, value, model, body)
            if code is not None:
                yield Departure(name, value, code)
    yield from _of_words(model, body)
    yield from _of_options(model)
    yield from _of_images(model)
    yield from _that_contradict(model, body)


def wrong_requests(model: Model) -> Iterator[tuple[dict[str, Any], Departure]]:
    """A model's plain requests, one for each way of using it, each with all departures from it."""
    for mode in model.modes or (Mode.TEXT,):
        plain = plain_request(model, mode)
        yield from ((put_in(plain, one), one) for one in departures(model, plain))
        yield from ((wrong, one) for wrong, one in _beside(model, plain))


def put_in(body: dict[str, Any], departure: Departure) -> dict[str, Any]:
    """A body that departs there; an option may be null."""
    if departure.name.startswith("options."):
        name = departure.name.removeprefix("options.")
        return body | {"options": body.get("options", {}) | {name: departure.value}}
    return put(body, departure.name, departure.value)


def _what_it_is(name: str, value: Any, model: Model, body: dict[str, Any]) -> str | None:
    if name in ("audio", "watermark", "negative_prompt"):
        takes = getattr(model, name)
        return (
            "not_supported"
            if takes is False
            else "always_on"
            if (takes, value) == ("always", False)
            else None
        )
    if name == "n":
        together = (model.images_and_n_max or 999) - len(body["reference_images"])
        return None if model.n_max is None or 1 <= value <= min(model.n_max, together) else "out_of_range"
    if name == "size" and model.free_sizes:
        return None if value in (model.sizes or ()) or is_free(value, model.free_sizes) else "not_offered"
    fields = {"ratio": "ratios", "size": "sizes", "resolution": "resolutions", "duration_s": "durations_s"}
    table = getattr(model, fields.get(name, name))
    if name == "seed":
        table = {True: _SEEDS, False: ()}.get(table, table) if isinstance(table, bool) else table
    if table is None:
        return None
    if table == ():
        return "not_supported"
    if isinstance(table, Span):
        low, high = table.min or 0, table.max or 0
        fits = value in table.also or (low <= value <= high and (not table.whole or value == int(value)))
        return None if fits else "out_of_range"
    return None if value in table else "not_offered"


def _of_words(model: Model, body: dict[str, Any]) -> Iterator[Departure]:
    mode = Mode.TEXT if not body["reference_images"] else None
    needed = model.prompt_required
    if needed is True or (needed and mode in needed):
        yield from (Departure("prompt", words, "prompt_empty") for words in ("", " \n\t", "\u200b\u3000"))
    if model.prompt_max is not None and model.prompt_unit is PromptUnit.CHARACTERS:
        yield Departure("prompt", "画" * (model.prompt_max + 1), "too_long")
        if model.negative_prompt and not body["reference_images"]:
            yield Departure("negative_prompt", "x" * (model.prompt_max + 1), "too_long")
    for harm in ("\x07", "\x9b", "\u202e"):
        yield Departure("prompt", f"a{harm}b", "control_character")
        yield Departure("metadata", {"a": f"b{harm}"}, "control_character", "/metadata/a")
        yield Departure("external_id", f"a{harm}", "control_character")
    yield Departure("external_id", f"order of sk-{KEY}", "whole_key")
    yield Departure("metadata", {"a": f"Bearer {KEY}"}, "whole_key", "/metadata/a")
    yield Departure("metadata", {"api_key": KEY}, "whole_key", "/metadata/api_key")
    yield Departure("metadata", {f"sk-{KEY}": "a"}, "whole_key", "/metadata")
    yield Departure("callback_url", f"https://example.com/?of=sk-{KEY}", "whole_key")
    yield Departure("callback_url", "http://example.com/", "not_an_address")
    yield Departure("callback_url", "https://example.com/", "not_supported")


def _of_options(model: Model) -> Iterator[Departure]:
    yield Departure("options.no_such_option", 1, "unknown_option")
    for name, table in model.options.items():
        if isinstance(table, tuple):
            wrong: list[Any] = ["elsewhere", 7, None]
        elif isinstance(table, Span):
            wrong = [(table.max or 0) + 1, (table.min or 0) - 1, "elsewhere", None]
        elif isinstance(table, ListOf):
            wrong = ["elsewhere", 7, None, *([["x"] * (table.max + 1)] if table.max else [])]
        else:
            continue
        yield from (Departure(f"options.{name}", value, "not_offered") for value in wrong)


def _of_images(model: Model) -> Iterator[Departure]:
    limits = model.reference_images
    if limits is None:
        return
    role = limits.roles[0] if limits.roles else Role.REFERENCE
    if limits.max is not None:
        yield _images([role] * (limits.max + 1), "wrong_count")
    if limits.min:
        yield _images([], "wrong_count")
    if limits.max == 0:
        return
    strangers = [role for role in Role if role not in limits.roles]
    yield from (_images([role], "not_offered", "/reference_images/0/role") for role in strangers)
    for mode, roles in NEEDED.items():
        fits = limits.min <= len(roles) <= (limits.max or 99) and set(roles) <= set(limits.roles)
        if model.modes is not None and mode not in model.modes and fits:
            yield _images(list(roles), "mode_not_offered")
    if Role.MASK in limits.roles:
        yield _images([Role.MASK], "image_missing")


def _images(roles: list[Role], code: str, pointer: str = "") -> Departure:
    return Departure("reference_images", [{"role": role, "url": _ADDRESS} for role in roles], code, pointer)


def _that_contradict(model: Model, body: dict[str, Any]) -> Iterator[Departure]:
    if "x" not in body.get("size", ""):
        return
    width, height = map(int, body["size"].split("x"))
    for ratio in (ratio for ratio in model.ratios or () if ":" in ratio):
        wide, high = map(float, ratio.split(":"))
        if not 0.9 < width / height / (wide / high) < 1.1:
            yield Departure("ratio", ratio, "contradiction")
    for resolution in (one for one in model.resolutions or () if one.endswith("p")):
        if not 0.8 < min(width, height) / int(resolution[:-1]) < 1.2:
            yield Departure("resolution", resolution, "contradiction")


def _beside(model: Model, plain: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Departure]]:
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
