"""What ratio and resolution say of the size that stands beside them."""

import re
from dataclasses import dataclass
from math import inf, sqrt

from schemas.capabilities import Model
from schemas.rules.nearest import proportion_of
from schemas.rules.outline import Shape

# Vendors round to their grids: 1664x928 is sold as 16:9. The next ratio in use is at least 6 % away.
_SAME_SHAPE = 0.04
LINES = re.compile(r"([0-9]{3,4})p", re.IGNORECASE)
_SAME_LINES = 0.1
# 2K is as many pixels as a square of that side for stills, and down to two thirds of its side for films.
_THOUSANDS = re.compile(r"([1-8])k", re.IGNORECASE)
_PER_K, _LEAST_OF_K, _MOST_OF_K = 1024, 0.66, 1.15


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where to where a number may lie, and which one is meant where it lies elsewhere."""

    low: float = 0
    high: float = inf
    meant: float | None = None

    def hold(self, number: float) -> bool:
        return self.low <= number <= self.high

    def near(self, number: float) -> float:
        return number if self.meant is None or self.hold(number) else self.meant


@dataclass(frozen=True, slots=True)
class Beside:
    """Bounds of a size: of its width by its height, of its shorter side, and of its pixels."""

    shape: Bounds = Bounds()
    short: Bounds = Bounds()
    pixels: Bounds = Bounds()

    def agree(self, width: int, height: int) -> bool:
        return (
            self.shape.hold(width / height)
            and self.short.hold(min(width, height))
            and self.pixels.hold(width * height)
        )

    def aim(self, width: float, height: float) -> tuple[float, float]:
        """The size that was given, changed no more than what stands beside it demands."""
        shape = self.shape.near(width / height)
        pixels = self.pixels.near(width * height)
        if self.short.meant is not None:
            pixels = self.short.near(min(width, height)) ** 2 * max(shape, 1 / shape)
        return sqrt(pixels * shape), sqrt(pixels / shape)


def ratio_beside(request: Shape, model: Model) -> Beside:
    """Words such as adaptive bind nothing."""
    shape = proportion_of(_taken(request.ratio, model.ratios))
    if shape is None:
        return Beside()
    return Beside(shape=Bounds(shape * (1 - _SAME_SHAPE), shape * (1 + _SAME_SHAPE), shape))


def resolution_beside(request: Shape, model: Model) -> Beside:
    """Words of which nobody knows what they stand for bind nothing."""
    said = _taken(request.resolution, model.resolutions)
    if lines := LINES.fullmatch(said):
        short = int(lines[1])
        return Beside(short=Bounds(short * (1 - _SAME_LINES), short * (1 + _SAME_LINES), short))
    if thousands := _THOUSANDS.fullmatch(said):
        side = int(thousands[1]) * _PER_K
        return Beside(pixels=Bounds((side * _LEAST_OF_K) ** 2, (side * _MOST_OF_K) ** 2, side**2))
    return Beside()


def beside(request: Shape, model: Model) -> Beside:
    """Both together."""
    resolution = resolution_beside(request, model)
    return Beside(ratio_beside(request, model).shape, resolution.short, resolution.pixels)


def _taken(said: str | None, table: tuple[str, ...] | None) -> str:
    """What the model does not take is refused for that, and binds nothing else."""
    return (said or "").strip() if table is None or said in table else ""
