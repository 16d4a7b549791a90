"""`creative-tasks models`: what can be asked for, by the table that requests are checked against."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from schemas.capabilities import Model, Part, ReferenceImages, Span
from schemas.providers import CATALOGUE, PROVIDERS
from schemas.rules import unknown_model
from schemas.rules.wording import in_words
from tasks_service.cli.columns import print_columns
from tasks_service.cli.errors import Trouble
from tasks_service.cli.screen import as_json, clipped

_ECHO = 300
_UNKNOWN = "not known"
# Where nothing is said of these, there is nothing: that is known.
_ABSENT = {
    **dict.fromkeys(("images_and_n_max", "default_ratio", "default_size", "default_resolution"), "none"),
    "default_duration_s": "none",
    "stalled_after_s": "as for any other",
}
_HEADINGS = ("model", "provider", "kind", "ratio or size", "resolution", "seconds", "n", "images")


def models(
    name: Annotated[str | None, typer.Argument(metavar="MODEL", help="One model, with everything.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show the catalogue: which models there are, and what each takes."""
    known = {model.name: (provider, model) for provider, model in _every()}
    if name is not None and name not in known:
        raise Trouble(clipped(unknown_model(name, tuple(known)).detail, _ECHO))
    chosen = [known[name]] if name is not None else list(known.values())
    if json_:
        rows = [model.model_dump(mode="json") | {"provider": provider} for provider, model in chosen]
        typer.echo(as_json({"catalogue": CATALOGUE, "data": rows}))
    elif name is not None:
        _sheet(*chosen[0])
    else:
        print_columns(_HEADINGS, [_row(provider, model) for provider, model in chosen])
        typer.echo(f"\ncatalogue {CATALOGUE}; creative-tasks models MODEL shows everything about one")


def _every() -> Iterator[tuple[str, Model]]:
    for provider in sorted(PROVIDERS):
        for model in PROVIDERS[provider].models:
            yield provider, model


def _row(provider: str, model: Model) -> Sequence[str]:
    shapes = [_words(model.ratios), _words(model.sizes)]
    if model.free_sizes is not None:
        shapes.append("free sizes")
    told = [words for words in shapes if words != "none"]
    return (
        model.name,
        provider,
        model.kind.value,
        " or ".join(told) or "none",
        _words(model.resolutions),
        _words(model.durations_s),
        _UNKNOWN if model.n_max is None else str(model.n_max),
        _images(model.reference_images),
    )


def _sheet(provider: str, model: Model) -> None:
    """Everything that the table says; what is unknown is called that."""
    typer.echo(model.name)
    for label, shown in [("provider", provider), *facts_of(model)]:
        typer.echo(f"  {label:<20} {shown}")


def facts_of(model: Model) -> Iterator[tuple[str, str]]:
    """Each column of the table, and what it says."""
    absent = _ABSENT | ({} if model.sizes is None else {"free_sizes": "none"})
    for label in type(model).model_fields:
        value = getattr(model, label)
        if label != "name":
            yield label, absent[label] if value is None and label in absent else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and all(isinstance(one, str | int | float) for one in value):
        return _words(value)
    if isinstance(value, Span):
        return _words(value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: _UNKNOWN}[value]
    parts = isinstance(value, Part | dict | tuple)
    return as_json(_plain(value), indent=None) if parts else str(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _words(table: tuple[Any, ...] | Span | None) -> str:
    if table is None:
        return _UNKNOWN
    return in_words(table) if table != () else "none"


def _images(limits: ReferenceImages | None) -> str:
    if limits is None:
        return _UNKNOWN
    if limits.max == 0:
        return "none"
    most = "any number" if limits.max is None else str(limits.max)
    return f"{limits.min} to {most}: {', '.join(limits.roles)}"
