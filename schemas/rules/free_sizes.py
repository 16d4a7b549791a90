"""Sizes that are not in a list, but keep to a vendor's rule."""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor, inf, log, sqrt

from schemas.capabilities import FreeSizes
from schemas.rules.beside import Beside

_LONGEST_SIDE = 16_384
_TRIES, _CLOSER = 64, 8
# Of a multiple: 899.9999999 is 900.
_ROUNDED = 1e-9
_NOTHING_BESIDE = Beside()


def is_free_size(width: int, height: int, free: FreeSizes) -> bool:
    """Whether a size fits a vendor's rule for sizes that are not in its list."""
    short, long = sorted((width, height))
    return (
        width % free.multiple_of == 0 == height % free.multiple_of
        and (free.side_min is None or short >= free.side_min)
        and (free.side_max is None or long <= free.side_max)
        and (free.pixels_min is None or width * height >= free.pixels_min)
        and (free.pixels_max is None or width * height <= free.pixels_max)
        and (free.ratio_max is None or long <= short * free.ratio_max)
    )


def nearest_free_size(
    width: int, height: int, free: FreeSizes, beside: Beside = _NOTHING_BESIDE
) -> str | None:
    """A size that fits and agrees with what stands beside it; None where there is none.

    It is of nearly the same shape, and then of nearly the same area.
    """
    search = _Search(free, beside, *beside.aim(width, height))
    found = search.best([sides for widths in search.stretches() if (sides := search.nearest(widths))])
    return f"{found[0]}x{found[1]}" if found else None


class _Search:
    """For each width there is one stretch of heights that fit."""

    def __init__(self, free: FreeSizes, beside: Beside, width: float, height: float):
        self._free, self._beside = free, beside
        self._wanted, self._area = width / height, width * height
        self._grid = free.multiple_of
        flattest = free.ratio_max or inf
        self._shape = (max(1 / flattest, beside.shape.low), min(flattest, beside.shape.high))
        self._short = (max(free.side_min or self._grid, beside.short.low), beside.short.high)
        self._long = free.side_max or max(ceil(width), ceil(height), _LONGEST_SIDE)
        self._pixels = (
            max(free.pixels_min or 1, beside.pixels.low),
            min(free.pixels_max or inf, beside.pixels.high),
        )

    def stretches(self) -> tuple[range, ...]:
        """The widths that can have a height: those that may be the shorter side, and all others."""
        if any(low > high for low, high in (self._shape, self._short, self._pixels)):
            return ()
        low = max(self._short[0], sqrt(self._pixels[0] * self._shape[0]))
        high = min(
            self._long,
            self._short[1] * max(1, self._shape[1]),
            sqrt(self._pixels[1] * self._shape[1]),
            self._pixels[1] / self._short[0],
        )
        first, last = self._on_grid(low, high)
        _, middle = self._on_grid(low, min(self._short[1], high))
        beyond = max(first, middle + self._grid)
        return range(first, middle + 1, self._grid), range(beyond, last + 1, self._grid)

    def nearest(self, widths: range) -> tuple[int, int] | None:
        """Of very many widths some are tried, then ever more of them around the best."""
        stride = max(1, len(widths) // _TRIES)
        found = self.best(self._fitting(widths[::stride]))
        if found is None:
            return self.best(self._fitting(widths))
        while stride > 1:
            at, closer = widths.index(found[0]), max(1, stride // _CLOSER)
            around = widths[max(0, at - stride) : at + stride + 1 : closer]
            found = self.best([found, *self._fitting(around)]) or found
            stride = closer
        return found

    def best(self, sizes: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
        return min(sizes, key=self._distance, default=None)

    def _fitting(self, widths: Sequence[int]) -> Iterator[tuple[int, int]]:
        for width in widths:
            first, last = self._heights(width)
            wanted = round(width / self._wanted / self._grid) * self._grid
            height = min(max(wanted, first), last)
            if first <= last and self._fits(width, height):
                yield width, height

    def _fits(self, width: int, height: int) -> bool:
        return is_free_size(width, height, self._free) and self._beside.agree(width, height)

    def _heights(self, width: int) -> tuple[int, int]:
        low = max(self._short[0], width / self._shape[1], self._pixels[0] / width)
        # Of a width that is not the shorter side, the height has to be.
        most = self._long if width <= self._short[1] else self._short[1]
        steepest = width / self._shape[0] if self._shape[0] else inf
        return self._on_grid(low, min(most, steepest, self._pixels[1] / width))

    def _on_grid(self, low: float, high: float) -> tuple[int, int]:
        """The first and the last multiple from one number to another."""
        first, last = ceil(low / self._grid - _ROUNDED), floor(high / self._grid + _ROUNDED)
        return first * self._grid, last * self._grid

    def _distance(self, sides: tuple[int, int]) -> float:
        width, height = sides
        return 4 * abs(log(width / height / self._wanted)) + abs(log(width * height / self._area))
