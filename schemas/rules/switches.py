"""Rules about what is on, off, or has a number: audio, watermark, seed."""

from collections.abc import Iterator

from schemas.capabilities import Model, Span
from schemas.rules.nearest import in_span, nearest_in_span
from schemas.rules.offered import not_taken
from schemas.rules.outline import Shape
from schemas.rules.violation import Violation
from schemas.task import TaskRequest

# The widest range that every known upstream shares, for models whose own range nobody told us.
_SEEDS = Span(min=0, max=(1 << 32) - 1, whole=True)


def audio_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """Sound that cannot be had, and sound that cannot be done without."""
    yield from _switch("audio", request.audio, model)


def watermark_is_offered(request: Shape, model: Model) -> Iterator[Violation]:
    """A mark that cannot be had, and one that cannot be done without."""
    yield from _switch("watermark", request.watermark, model)


def seed_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """What the model does not take is refused, because dropping it would sell something else."""
    if request.seed is None or model.seed is None:
        return
    if model.seed is False:
        yield not_taken("seed", request.seed, model)
        return
    span = model.seed if isinstance(model.seed, Span) else _SEEDS
    if not in_span(request.seed, span):
        low, high = int(span.min or 0), int(span.max or _SEEDS.max or 0)
        detail = f"{model.name} does not offer seed {request.seed}; it offers {low} to {high}."
        nearest = int(nearest_in_span(request.seed, span))
        yield Violation("/seed", "out_of_range", detail, request.seed, {"min": low, "max": high}, nearest)


def _switch(name: str, got: bool | None, model: Model) -> Iterator[Violation]:
    takes = getattr(model, name)
    if got is None or takes is None or takes is True:
        return
    if takes == "always" and got is False:
        detail = f"{model.name} always has {name}, which cannot be switched off; leave it out or say true."
        yield Violation(f"/{name}", "always_on", detail, got=False, allowed=[True], nearest=True)
    if takes is False:
        yield not_taken(name, got, model)
