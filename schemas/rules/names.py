"""Names of models that were probably meant, and models that are no more."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from difflib import get_close_matches

from schemas.capabilities import Model
from schemas.rules.violation import Violation
from schemas.rules.wording import shown


def unknown_model(name: str, known: Sequence[str]) -> Violation:
    """What to say of a name that no model has; a slip of the keyboard is called what it is."""
    nearest = nearest_models(name, known)
    slip = _slip(name, nearest[0]) if nearest else None
    if slip:
        detail = f"There is no model {shown(name)}: it has {slip} {nearest[0]}."
    elif nearest:
        detail = f"There is no model {shown(name)}. Did you mean {nearest[0]}?"
    else:
        detail = f"There is no model {shown(name)}, nor one with a name like it; GET /v1/models lists all."
    return Violation("/model", "model_unknown", detail, got=name, nearest=nearest)


def nearest_models(name: str, known: Sequence[str]) -> list[str]:
    """The names that were probably meant; case and white space mistakes come first."""
    folded = {model.casefold(): model for model in known}
    exact = folded.get(_bare(name).casefold())
    close = get_close_matches(name.strip().casefold(), folded, n=3, cutoff=0.5)
    return list(dict.fromkeys([*([exact] if exact else []), *(folded[match] for match in close)]))


def model_is_living(model: Model, known: Iterable[Model], today: date) -> Iterator[Violation]:
    """A model that its vendor has retired is not asked for, unless it lives on elsewhere."""
    if not _is_gone(model, today):
        return
    living = [one.name for one in known if one.kind is model.kind and not _is_gone(one, today)]
    nearest = nearest_models(model.name, living)
    instead = f"{', '.join(nearest)} {'is' if len(nearest) == 1 else 'are'} still there"
    elsewhere = "GET /v1/models lists those that are still there"
    detail = (
        f"{model.name} was retired by its vendor on {model.retires_on}; {instead if nearest else elsewhere}."
    )
    yield Violation("/model", "model_retired", detail, got=model.name, nearest=nearest)


def ending(model: Model, today: date) -> str | None:
    """What to know of a model that can still be asked for, and not for ever or not everywhere."""
    if model.retires_on is None or _is_gone(model, today):
        return None
    if today < model.retires_on:
        return f"{model.name} will be retired by its vendor on {model.retires_on}."
    return f"{model.name} was shut down by its vendor on {model.retires_on}; it lives on at other upstreams."


def _is_gone(model: Model, today: date) -> bool:
    return model.retires_on is not None and model.retires_on <= today and not model.lives_on


def _slip(name: str, meant: str) -> str | None:
    """How two names differ that a person would read as the same."""
    if name == meant or _bare(name).casefold() != meant.casefold():
        return None
    slips = [
        *(["white space at its beginning"] if name[:1].isspace() else []),
        *(["white space at its end"] if name[-1:].isspace() else []),
        *(["white space or unseen characters in it"] if _bare(name) != name.strip() else []),
    ]
    capitals = ["other capitals than"] if _bare(name) != meant else []
    return " and ".join([*slips, *capitals]) + ("" if capitals else ", unlike")


def _bare(name: str) -> str:
    """Without white space and what cannot be seen."""
    return "".join(letter for letter in name if letter.isprintable() and not letter.isspace())
