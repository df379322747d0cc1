"""Singles of slices to pairs, by windows, policies and cuts."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns
from ..coincidences.cut_kernel import Cuts, Singles
from ..coincidences.pairs import Pairs, joined
from ..coincidences.singles import singles_of
from ..config.engines import ClassicalConfig
from ..config.policies import CODES
from ..reading.slices import slice_times
from .sorter_kernel import LARGEST_GROUP, Sorting, sort_slices


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
