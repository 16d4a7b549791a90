"""Requests that a model's table allows, drawn from the table, and departures from them in one place."""

from typing import Any

from hypothesis import strategies as st

from schemas.capabilities import Mode, Model, Role, Span

_NEEDED = {
    Mode.TEXT: (),
    Mode.FIRST_FRAME: (Role.FIRST_FRAME,),
    Mode.LAST_FRAME: (Role.LAST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
    Mode.EDIT: (Role.MASK,),
}
NOWHERE: dict[str, tuple[Any, ...]] = {
    "ratio": ("7:3", "0:1", "wide", " 16:9 "),
    "size": ("1x1", "640x481", "big"),
    "resolution": ("9p", "8K", "720 p"),
    "duration_s": (999.0, 0.5, -1.0, 5.25),
    "fps": (7, 0),
    "n": (0, 99, -1),
    "seed": (-2, 1 << 33),
}


def in_table(table: Any) -> st.SearchStrategy[Any]:
    """What a list or a span allows."""
    if isinstance(table, Span):
        low, high = int(table.min or 0), int(table.max or 100)
        return st.integers(low, high).map(float) if table.whole else st.floats(low, high)
    return st.sampled_from(table)


@st.composite
def allowed(draw: st.DrawFn, model: Model) -> dict[str, Any]:
    """A request's body that no single rule can mind; combinations are for whoever draws it."""
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
    if "ratio" not in body and model.sizes:
        tables["size"] = model.sizes
    for name, table in tables.items():
        if table and draw(st.booleans()):
            value = draw(in_table(table))
            body[name] = int(value) if name in ("seed", "fps") else value
    if draw(st.booleans()):
        body["n"] = draw(st.integers(1, model.n_max or 1))
    body["options"] = {
        name: draw(in_table(table))
        for name, table in model.options.items()
        if table and table != "free" and draw(st.booleans())
    }
    return body


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
    roles = list(_NEEDED.get(mode, ()))
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
