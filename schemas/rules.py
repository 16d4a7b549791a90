"""Every check that is made before money is spent: one pure function each.

A rule yields what is wrong and what would be right; it never raises. None in a model's table means that
nobody told us, so the rule stays silent and `not_checked` names the parameter.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import log
from typing import Any

from schemas.capabilities import Model
from schemas.task import TaskRequest


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: where, what was given, what is allowed, and the nearest of that."""

    pointer: str
    code: str
    detail: str
    got: Any = None
    allowed: Any = None
    nearest: Any = None


Rule = Callable[[TaskRequest, Model], Iterator[Violation]]


def prompt_is_given(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """No upstream makes anything useful of nothing, and some charge for trying."""
    if not request.prompt.strip():
        yield Violation("/prompt", "prompt_empty", "The prompt is empty.", got=request.prompt)


def prompt_fits(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Length is counted in Unicode characters."""
    limit = model.prompt_max_chars
    for name in ("prompt", "negative_prompt"):
        length = len(getattr(request, name) or "")
        if limit is not None and length > limit:
            detail = f"{name} has {length} characters; {model.name} takes at most {limit}."
            yield Violation(f"/{name}", "too_long", detail, got=length, allowed={"max": limit}, nearest=limit)


def prompt_is_text(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Control characters break logs and upstreams; tab and line ends are text."""
    for name in ("prompt", "negative_prompt", "external_id"):
        for letter in getattr(request, name) or "":
            if unicodedata.category(letter) == "Cc" and letter not in "\t\n\r":
                detail = f"{name} holds the control character U+{ord(letter):04X}."
                yield Violation(f"/{name}", "control_character", detail, got=f"U+{ord(letter):04X}")
                break


def ratio_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """The upstream would charge first and crop later."""
    yield from _offered("ratio", request.ratio, model.ratios, model, nearest=_nearest_ratio)


def size_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Sizes are width x height in pixels."""
    yield from _offered("size", request.size, model.sizes, model, nearest=_nearest_size)


def resolution_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Resolutions are the vendors' own words, such as 720p."""
    yield from _offered("resolution", request.resolution, model.resolutions, model, nearest=_nearest_word)


def duration_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Duration is the largest factor of a video's price."""
    yield from _offered("duration_s", request.duration_s, model.durations_s, model, nearest=_nearest_number)


def fps_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Frames a second."""
    yield from _offered("fps", request.fps, model.fps, model, nearest=_nearest_number)


def count_is_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """`n` multiplies the price."""
    if request.n is None or model.n_max is None or 1 <= request.n <= model.n_max:
        return
    detail = f"n is {request.n}; {model.name} makes 1 to {model.n_max} at a time."
    nearest = min(max(request.n, 1), model.n_max)
    yield Violation("/n", "out_of_range", detail, request.n, {"min": 1, "max": model.n_max}, nearest)


def switches_are_offered(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """What the model does not take is refused, because dropping it would sell something else."""
    for name in ("negative_prompt", "seed", "audio", "watermark"):
        if getattr(request, name) is not None and getattr(model, name) is False:
            detail = f"{model.name} does not take {name}; leave it out."
            yield Violation(f"/{name}", "not_supported", detail, got=getattr(request, name))


def seed_is_in_range(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Seeds are 0 to 2^32-1: the widest range that every known upstream shares."""
    if request.seed is not None and not 0 <= request.seed < 1 << 32:
        allowed = {"min": 0, "max": (1 << 32) - 1}
        nearest = min(max(request.seed, 0), (1 << 32) - 1)
        yield Violation("/seed", "out_of_range", "The seed is out of range.", request.seed, allowed, nearest)


def reference_images_fit(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """How many, and in which roles."""
    limits, given = model.reference_images, request.reference_images
    if limits is None:
        return
    if not limits.min <= len(given) <= limits.max:
        detail = f"{len(given)} reference images given; {model.name} takes {limits.min} to {limits.max}."
        allowed = {"min": limits.min, "max": limits.max}
        nearest = min(max(len(given), limits.min), limits.max)
        yield Violation("/reference_images", "wrong_count", detail, len(given), allowed, nearest)
    for index, image in enumerate(given):
        if limits.max and image.role not in limits.roles:
            detail = f"{model.name} has no use for an image in the role {image.role}."
            yield Violation(
                f"/reference_images/{index}/role", "not_offered", detail, image.role, list(limits.roles)
            )


def options_are_known(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """`options` holds the fields of one upstream only; its provider file lists them."""
    for name in request.options:
        if name not in model.options:
            detail = f"{model.name} has no option {name}."
            nearest = next(iter(get_close_matches(name, model.options, n=1)), None)
            yield Violation(
                f"/options/{pointer_part(name)}", "unknown_option", detail, name, list(model.options), nearest
            )


def metadata_is_text(request: TaskRequest, model: Model) -> Iterator[Violation]:
    """Metadata is shown to support and searched, so it must be printable."""
    for name, value in request.metadata.items():
        if not (name + value).isprintable():
            detail = f"The metadata entry {name!r} holds characters that cannot be printed."
            yield Violation(f"/metadata/{pointer_part(name)}", "control_character", detail)


RULES: tuple[Rule, ...] = (
    prompt_is_given,
    prompt_fits,
    prompt_is_text,
    ratio_is_offered,
    size_is_offered,
    resolution_is_offered,
    duration_is_offered,
    fps_is_offered,
    count_is_offered,
    switches_are_offered,
    seed_is_in_range,
    reference_images_fit,
    options_are_known,
    metadata_is_text,
)


def check(request: TaskRequest, model: Model) -> list[Violation]:
    """Everything that is wrong with a request, all at once."""
    return [violation for rule in RULES for violation in rule(request, model)]


def not_checked(request: TaskRequest, model: Model) -> tuple[str, ...]:
    """The parameters that were given and of which nobody told us what the model takes."""
    tables = {
        "ratio": model.ratios,
        "size": model.sizes,
        "resolution": model.resolutions,
        "duration_s": model.durations_s,
        "fps": model.fps,
        "n": model.n_max,
        "negative_prompt": model.negative_prompt,
        "seed": model.seed,
        "audio": model.audio,
        "watermark": model.watermark,
        "reference_images": model.reference_images,
        "prompt": model.prompt_max_chars,
    }
    return tuple(
        name for name, table in tables.items() if table is None and getattr(request, name) not in (None, ())
    )


def with_defaults(request: TaskRequest, model: Model) -> TaskRequest:
    """The request with the model's defaults filled in, so that what is sent is what was checked."""
    size_given = request.ratio is not None or request.size is not None
    defaults = {
        "ratio": None if size_given else model.default_ratio,
        "size": None if size_given else model.default_size,
        "resolution": model.default_resolution,
        "duration_s": model.default_duration_s,
        "n": 1 if model.n_max is not None else None,
    }
    missing = {
        name: value
        for name, value in defaults.items()
        if value is not None and getattr(request, name) is None
    }
    return request.model_copy(update=missing)


def nearest_models(name: str, known: Sequence[str]) -> list[str]:
    """The names that were probably meant; case and white space mistakes come first."""
    folded = {model.casefold(): model for model in known}
    exact = folded.get(name.strip().casefold())
    close = get_close_matches(name.strip().casefold(), folded, n=3, cutoff=0.5)
    return list(dict.fromkeys([*([exact] if exact else []), *(folded[match] for match in close)]))


def pointer_part(name: str) -> str:
    """One part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _offered(
    name: str,
    got: Any,
    offered: tuple[Any, ...] | None,
    model: Model,
    nearest: Callable[[Any, tuple[Any, ...]], Any],
) -> Iterator[Violation]:
    if got is None or offered is None or got in offered:
        return
    if not offered:
        yield Violation(
            f"/{name}", "not_supported", f"{model.name} does not take {name}; leave it out.", got=got
        )
        return
    choices = ", ".join(f"{choice:g}" if isinstance(choice, float) else str(choice) for choice in offered)
    detail = f"{model.name} does not offer {name} {got!r}; it offers {choices}."
    yield Violation(f"/{name}", "not_offered", detail, got, list(offered), nearest(got, offered))


def _nearest_number(got: float, offered: tuple[float, ...]) -> float:
    return min(offered, key=lambda choice: (abs(choice - got), choice))


def _nearest_word(got: str, offered: tuple[str, ...]) -> str | None:
    folded = {choice.casefold(): choice for choice in offered}
    return folded.get(got.strip().casefold()) or next(iter(get_close_matches(got, offered, n=1)), None)


def _nearest_ratio(got: str, offered: tuple[str, ...]) -> str | None:
    wanted = _proportion(got, ":")
    if wanted is None:
        return _nearest_word(got, offered)
    known = {choice: proportion for choice in offered if (proportion := _proportion(choice, ":"))}
    # By logarithm, so that twice as wide and half as wide are equally far.
    return min(known, key=lambda choice: abs(log(known[choice] / wanted)), default=None)


def _nearest_size(got: str, offered: tuple[str, ...]) -> str | None:
    wanted = _sides(got, "x")
    if wanted is None:
        return _nearest_word(got, offered)
    known = {choice: _sides(choice, "x") or (1, 1) for choice in offered}
    return min(offered, key=lambda c: abs(known[c][0] - wanted[0]) + abs(known[c][1] - wanted[1]))


def _proportion(text: str, separator: str) -> float | None:
    sides = _sides(text, separator)
    return sides[0] / sides[1] if sides else None


def _sides(text: str, separator: str) -> tuple[int, int] | None:
    found = re.fullmatch(
        rf"([1-9][0-9]{{0,5}}){separator}([1-9][0-9]{{0,5}})", text.strip(), re.ASCII | re.IGNORECASE
    )
    return (int(found[1]), int(found[2])) if found else None
