"""What most rules read of a request: its shape. Thousands of requests have the same one.

An outline is a shape and nothing else: whoever reads more of it breaks, so what was found out about one holds
for every request that has it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Protocol, Self

from schemas.capabilities import GIVEN, Model, Role
from schemas.task import TaskRequest

# A longer word is in no table, and nothing long is remembered.
_LONGEST_WORD = 64
# Of these it matters only whether they were given.
_OWN = ("seed", "negative_prompt")
_SHARED = ("ratio", "resolution", "size", "duration_s", "fps", "n", "audio", "watermark")
_shared = attrgetter(*_SHARED)


class Placed(Protocol):
    """An image, of which nothing is known but its role."""

    @property
    def role(self) -> Role: ...


class Shape(Protocol):
    """What of a request may decide for a rule that is asked once for all that are alike."""

    @property
    def ratio(self) -> str | None: ...
    @property
    def resolution(self) -> str | None: ...
    @property
    def size(self) -> str | None: ...
    @property
    def duration_s(self) -> float | None: ...
    @property
    def fps(self) -> int | None: ...
    @property
    def n(self) -> int | None: ...
    @property
    def audio(self) -> bool | None: ...
    @property
    def watermark(self) -> bool | None: ...
    @property
    def seed(self) -> object: ...
    @property
    def negative_prompt(self) -> object: ...
    @property
    def reference_images(self) -> Sequence[Placed]: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _Placed:
    role: Role


@dataclass(frozen=True, slots=True)
class Outline:
    """A shape without its request."""

    ratio: str | None
    resolution: str | None
    size: str | None
    duration_s: float | None
    fps: int | None
    n: int | None
    audio: bool | None
    watermark: bool | None
    seed: object
    negative_prompt: object
    reference_images: tuple[_Placed, ...]
    options: Mapping[str, Any]

    @classmethod
    def of(cls, key: Any) -> Self:
        """The outline that a key stands for."""
        shared, own, roles, options = key
        values: dict[str, Any] = dict(zip(_SHARED, shared, strict=True))
        values |= {name: GIVEN if given else None for name, given in zip(_OWN, own, strict=True)}
        images = tuple(map(_Placed, roles))
        return cls(**values, reference_images=images, options={name: value for name, _, value in options})

    def filled(self, added: Mapping[str, Any]) -> Self:
        """With its defaults."""
        return replace(self, **{**added, "options": {**self.options, **added.get("options", {})}})


def key_of(request: TaskRequest) -> Hashable | None:
    """Equal for requests of one shape; None where one is too much to be remembered."""
    options = tuple([(name, type(value), value) for name, value in request.options.items()])
    if not all(map(_is_small, options)):
        return None
    own = (request.seed is not None, request.negative_prompt is not None)
    return _shared(request), own, tuple([image.role for image in request.reference_images]), options


def says_enough(model: Model) -> bool:
    """Whether no condition of a model asks which seed it was, or which words."""
    return all(
        one.when.get(name, (GIVEN,)) == (GIVEN,) and one.then.get(name, ()) == ()
        for one in model.combinations
        for name in _OWN
    )


def _is_small(option: tuple[str, type, Any]) -> bool:
    name, kind, value = option
    if kind is str:
        return len(value) <= _LONGEST_WORD and len(name) <= _LONGEST_WORD
    return kind in (bool, int, float) and len(name) <= _LONGEST_WORD
