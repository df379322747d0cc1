"""Singles of slices to pairs, by windows, policies and cuts."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, Ragged
from ..coincidences import Pairs, joined
from ..config import ClassicalConfig
from .cut_kernel import Cuts, Singles
from .policies import CODES
from .sorter_kernel import LARGEST_GROUP, Sorting, sort_slices

PICOSECOND = 1e-12


def ragged(examples: Columns, name: str) -> Ragged:
    """Return a column of the singles of slices."""
    column = examples[name]
    assert isinstance(column, Ragged)
    return column


def slice_times(examples: Columns) -> Array:
    """Return the times of all singles since the first one of their slice, ps, int64.

    The difference of two doubles that lie near each other is exact, so that nothing is lost beyond
    what the file's own doubles lack.
    """
    time = ragged(examples, "time")
    first = time.flat[np.minimum(time.offsets[:-1], max(0, len(time.flat) - 1))]
    since = time.flat - np.repeat(first, time.counts)
    picoseconds: Array = np.rint(since / PICOSECOND).astype(np.int64)
    return picoseconds


def sort_pairs(examples: Columns, options: ClassicalConfig, window: float, offset: float, sectors: int | None,
               times: Array | None = None) -> Pairs:
    """Return the pairs of all slices.

    Args:
        window, offset: ps; no delayed window is opened if the offset is 0.
        sectors: number of rsectors, wanted if `options.min_sector_difference` is not 0.
        times: ps, int64, in the order of time inside each slice; those of the singles if None.

    Raises:
        InputError: a window holds thousands of singles.
    """
    singles, cuts = singles_of(examples, slice_times(examples) if times is None else times), cuts_of(options, sectors)
    how = Sorting(round(window), round(offset), options.opening == "every", CODES[options.policy])
    return _sorted(singles, cuts, how)


def cuts_of(options: ClassicalConfig, sectors: int | None) -> Cuts:
    """Return the cuts as numbers; see `sort_pairs`."""
    def limit(value: float | None) -> float:
        return np.inf if value is None else value

    return Cuts(options.min_sector_difference, sectors or 1, options.min_transaxial_distance,
                limit(options.max_axial_distance), limit(options.fov_radius), limit(options.fov_length))


def singles_of(examples: Columns, times: Array) -> Singles:
    """Return the singles of slices for compiled code; rsectors that are not told are 0."""
    time = ragged(examples, "time")
    x, y, z, energy = (ragged(examples, name).flat.astype(np.float32, copy=False) for name in ("x", "y", "z", "energy"))
    sector = ragged(examples, "rsector_id").flat if "rsector_id" in examples else np.zeros(len(x), dtype=np.int32)
    return Singles(time.offsets, np.asarray(examples["n_owned"], dtype=np.int32), times, energy, x, y, z, np.asarray(sector, dtype=np.int32))


def _sorted(singles: Singles, cuts: Cuts, how: Sorting) -> Pairs:
    capacities = [len(singles.time) // 2 + 1, len(singles.time) // 2 + 1 if how.offset else 0]
    while True:
        found = [np.empty((2, n), dtype=np.int64) for n in capacities]
        sizes = [np.empty(n, dtype=np.int32) for n in capacities]
        *needed, largest = sort_slices(singles, cuts, how, found[0], sizes[0], found[1], sizes[1])
        if largest > LARGEST_GROUP:
            raise InputError(f"A window of {how.window} ps holds more than {LARGEST_GROUP} singles; take a shorter --window.")
        if all(n <= c for n, c in zip(needed, capacities, strict=True)):
            break
        capacities = list(needed)
    prompt, delayed = (_pairs(found[k][:, : needed[k]], sizes[k][: needed[k]], bool(k)) for k in (0, 1))
    return joined(prompt, delayed)


def _pairs(found: Array, sizes: Array, delayed: bool) -> Pairs:
    n = found.shape[1]
    return Pairs(found[0], found[1], np.ones(n, dtype=np.float32), sizes, np.full(n, delayed))
