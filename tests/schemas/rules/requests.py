"""Requests that a model's table allows, drawn from the table."""

from collections.abc import Iterable
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from schemas.capabilities import GIVEN, FreeSizes, ListOf, Mode, Model, Role, Span
from schemas.rules import check
from schemas.task import TaskRequest

NEEDED = {
    Mode.TEXT: (),
    Mode.FIRST_FRAME: (Role.FIRST_FRAME,),
    Mode.LAST_FRAME: (Role.LAST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
    Mode.EDIT: (Role.REFERENCE, Role.MASK),
}


def in_table(table: Any) -> st.SearchStrategy[Any]:
    """What a list or a span allows."""
    if isinstance(table, ListOf):
        return st.lists(st.sampled_from(table.each or ("x",)), max_size=table.max or 3)
    if isinstance(table, Span):
        low, high = int(table.min or 0), int(table.max or 100)
        within = st.integers(low, high).map(float) if table.whole else st.floats(low, high)
        return within | st.sampled_from(table.also) if table.also else within
    return st.sampled_from(table)


@st.composite
def allowed(draw: st.DrawFn, model: Model) -> dict[str, Any]:
    """A request's body that no rule minds: what does not go together is mended, or drawn anew."""
    body: dict[str, Any] = {"model": model.name, "prompt": draw(st.sampled_from(["a boat", "雨中的纸船"]))}
    body["reference_images"] = draw(images(model))
    tables = {
        "ratio": model.ratios,
        "resolution": model.resolutions,
        "duration_s": model.durations_s,
        "fps": model.fps,
        "seed": Span(min=0, max=9, whole=True) if model.seed is True else model.seed or None,
        "audio": {True: (True, False), "always": (True,)}.get(model.audio),  # type: ignore[call-overload]
        "watermark": {True: (True, False), "always": (True,)}.get(model.watermark),  # type: ignore[call-overload]
        "negative_prompt": ("rain",) if model.negative_prompt else None,
    }
    if model.sizes and draw(st.booleans()):
        body["size"] = draw(sizes(model))
        tables |= {} if draw(st.booleans()) else {"ratio": None, "resolution": None}
    for name, table in tables.items():
        if table and draw(st.booleans()):
            value = draw(in_table(table))
            body[name] = int(value) if name in ("seed", "fps") else value
    if draw(st.booleans()):
        body["n"] = draw(st.integers(1, model.n_max or 1))
    # What is only possible in one way of using a model has tests of its own.
    body["options"] = {
        name: draw(in_table(table))
        for name, table in model.options.items()
        if table and table != "free" and f"options.{name}" not in conditional(model) and draw(st.booleans())
    }
    mended = fitted(body, model)
    assume(check(request_of(mended, model), model) == [])
    return mended


def request_of(body: dict[str, Any], model: Model) -> TaskRequest:
    """A body as it is judged, before its defaults are filled in."""
    return TaskRequest.model_validate(body | {"model": model.name}, strict=False)


def body_of(model: Model, parameters: dict[str, Any]) -> dict[str, Any]:
    """A request with these parameters, and with the images that the model cannot do without."""
    limits = model.reference_images
    images = pictured(limits.roles[:1] * limits.min) if limits and limits.min else []
    return {"model": model.name, "prompt": "a boat", "reference_images": images} | parameters


def conditional(model: Model) -> set[str]:
    """Options that are only possible beside others."""
    return {name for one in model.combinations for name, values in one.when.items() if GIVEN in values}


def put(body: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The body with one value; options are named as in a table, and None takes it out."""
    if name.startswith("options."):
        options = put(body.get("options", {}), name.removeprefix("options."), value)
        return body | {"options": options}
    rest = {other: one for other, one in body.items() if other != name}
    return rest if value is None else rest | {name: value}


def fitted(body: dict[str, Any], model: Model) -> dict[str, Any]:
    """The body with all that is required put in, and what does not go together mended or taken out."""
    for _ in range(3):
        for one in check(request_of(body, model), model):
            if one.code in ("missing", "not_with", "contradiction") and one.pointer != "/reference_images":
                body = put(body, one.pointer[1:].replace("/", "."), one.nearest)
    return body


def sizes(model: Model) -> st.SearchStrategy[str]:
    """Listed ones, and those by a vendor's rule."""
    listed, free = st.sampled_from(model.sizes or ()), model.free_sizes
    if free is None:
        return listed
    sides = st.integers(1, (free.side_max or 4096) // free.multiple_of).map(
        lambda steps: steps * free.multiple_of
    )
    return listed | st.builds("{}x{}".format, sides, sides).filter(lambda size: is_free(size, free))


@st.composite
def images(draw: st.DrawFn, model: Model) -> list[dict[str, str]]:
    """Reference images in a way in which the model can be used."""
    limits = model.reference_images
    if limits is None or limits.max == 0:
        return []
    modes = [
        mode for mode in model.modes or _modes_of(limits.roles) if mode is not Mode.TEXT or not limits.min
    ]
    mode = draw(st.sampled_from(modes))
    roles = list(NEEDED.get(mode, ()))
    if mode is Mode.REFERENCE:
        free = [role for role in limits.roles if role not in (Role.FIRST_FRAME, Role.LAST_FRAME, Role.MASK)]
        most = limits.max or 3
        roles = draw(st.lists(st.sampled_from(free), min_size=max(limits.min, 1), max_size=most))
    return [{"role": role.value, "url": "https://example.com/a.png"} for role in roles]


def _modes_of(roles: tuple[Role, ...]) -> tuple[Mode, ...]:
    plain = {Role.REFERENCE, Role.STYLE, Role.SUBJECT} & set(roles)
    return (
        Mode.TEXT,
        *((Mode.REFERENCE,) if plain else ()),
        *((Mode.FIRST_FRAME,) if Role.FIRST_FRAME in roles else ()),
    )


def is_free(size: str, free: FreeSizes) -> bool:
    """Whether a vendor's rule allows a size; read off the rule, not off our reading of it."""
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        return False
    sides = sorted((int(width), int(height)))
    area = sides[0] * sides[1]
    return (
        all(side % free.multiple_of == 0 for side in sides)
        and (free.side_min or 0) <= sides[0]
        and sides[1] <= (free.side_max or area)
        and (free.pixels_min or 0) <= area <= (free.pixels_max or area)
        and sides[1] <= sides[0] * (free.ratio_max or area)
    )


def plain_request(model: Model, mode: Mode) -> dict[str, Any]:
    """The least that a model needs in one way of using it."""
    limits = model.reference_images
    needed = limits.min if limits else 0
    free = [limits.roles[0]] if limits and limits.roles else []
    roles = NEEDED.get(mode, free) or free * needed
    body = {"model": model.name, "prompt": "a boat", "reference_images": pictured(roles)}
    return fitted(body | ({"size": model.sizes[0]} if model.sizes else {}), model)


def pictured(roles: Iterable[Role]) -> list[dict[str, Any]]:
    """Reference images in these roles."""
    return [{"role": role, "url": "https://example.com/a.png"} for role in roles]
