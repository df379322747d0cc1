"""Dead and hot pixels of a detector, as a file lists them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .....errors import ConfigError, did_you_mean, shortened
from .....io.ragged import Array

BITS = 20
MOST = 2**BITS - 1
"""Largest number of a column or row."""

NAMES = ("layer", "column", "row", "kind")
Size = tuple[int, int, int]
RANGE = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")


@dataclass(frozen=True)
class PixelRegion:
    """Some pixels, as intervals that do not overlap of a number per pixel.

    Attributes:
        first, last: of each interval, rising, int64.
    """

    first: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    last: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def holds(self, layer: Array, column: Array, row: Array) -> Array:
        """Return which pixels are among them; numbers below 0 are not."""
        key = pixel_number(layer, column, row)
        place = np.searchsorted(self.first, key, side="right") - 1
        inside: Array = (place >= 0) & (column >= 0) & (row >= 0) & (key <= np.append(self.last, -1)[place])
        return inside


@dataclass(frozen=True)
class PixelMask:
    """Pixels of which nothing is believed.

    Attributes:
        hot: fire without a particle: what they say is left out.
        dead: do not fire; they connect the pixels that touch them, but do not count.
    """

    hot: PixelRegion = PixelRegion()
    dead: PixelRegion = PixelRegion()


def pixel_number(layer: Array, column: Array, row: Array) -> Array:
    """Return one number per pixel, int64, that rises with layer, column and row."""
    number: Array = (np.asarray(layer, dtype=np.int64) << (2 * BITS)) | (np.asarray(column, dtype=np.int64) << BITS) | np.asarray(row, dtype=np.int64)
    return number


def load_mask(path: str, size: Size) -> PixelMask:
    """Return the mask of a CSV file.

    Args:
        size: numbers of layers, of columns and of rows.

    Its first line is `layer,column,row,kind`; in the others layer, column and row are a number, a range
    as 5-9, or * for all, and kind is `dead` or `hot`. Empty lines and those that begin with # say nothing.

    Raises:
        ConfigError: the file cannot be read, or a line of it; names the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the map of pixels cannot be read ({error.strerror if isinstance(error, OSError) else 'it is no text'}).") from None
    said = [(n, [cell.strip() for cell in next(csv.reader([line]))]) for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if not said or tuple(said[0][1]) != NAMES:
        raise ConfigError(f"{path}, line {said[0][0] if said else 1}: must be {','.join(NAMES)!r}, the names of the columns of a map of pixels.")
    regions: dict[str, list[Array]] = {"hot": [], "dead": []}
    for number, cells in said[1:]:
        where = f"{path}, line {number}"
        if len(cells) != len(NAMES):
            raise ConfigError(f"{where}: has {len(cells)} values, but must have {len(NAMES)}: {','.join(NAMES)}.")
        if cells[3] not in regions:
            raise ConfigError(f"{where}: kind {shortened(cells[3])!r} is neither 'dead' nor 'hot'.{did_you_mean(cells[3], list(regions))}")
        layers, columns, rows = (_range(cell, name, n, where) for cell, name, n in zip(cells, NAMES, size, strict=False))
        regions[cells[3]].append(_intervals(layers, columns, rows, size[2]))
    return PixelMask(**{kind: _region(parts) for kind, parts in regions.items()})


def _range(cell: str, name: str, n: int, where: str) -> tuple[int, int]:
    """Return the first and the last number of a cell, of `n` that there are."""
    if cell == "*":
        return 0, n - 1
    found = RANGE.fullmatch(cell)
    if found is None:
        raise ConfigError(f"{where}: {name} {shortened(cell)!r} is no number, no range as 5-9, and not * for all.")
    low, high = int(found[1]), int(found[2] or found[1])
    if low > high:
        raise ConfigError(f"{where}: {name} {shortened(cell)!r} must rise.")
    if high >= n:
        raise ConfigError(f"{where}: {name} {shortened(cell)!r} is beyond {n - 1}, the last of the geometry.")
    return low, high


def _intervals(layer: tuple[int, int], column: tuple[int, int], row: tuple[int, int], n_rows: int) -> Array:
    """Return first and last number of the pixels in a block, (N, 2): one interval per layer and column where that is needed."""
    layers, columns = np.arange(layer[0], layer[1] + 1), np.arange(column[0], column[1] + 1)
    if row == (0, n_rows - 1):
        return np.stack([pixel_number(layers, np.array(column[i]), np.array(row[i])) for i in (0, 1)], 1)
    ends = [pixel_number(layers[:, None], columns, np.array(row[i])).reshape(-1) for i in (0, 1)]
    return np.stack(ends, 1)


def _region(parts: list[Array]) -> PixelRegion:
    """Return intervals joined where they overlap."""
    if not parts:
        return PixelRegion()
    intervals = np.concatenate(parts)
    intervals = intervals[np.argsort(intervals[:, 0])]
    reached = np.maximum.accumulate(intervals[:, 1])
    starts = np.flatnonzero(np.append(True, intervals[1:, 0] > reached[:-1]))
    return PixelRegion(intervals[starts, 0], reached[np.append(starts[1:], len(reached)) - 1])
