"""Singles of slices to pairs, by windows, policies and cuts."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, ragged
from ..coincidences.cut_kernel import Cuts, Singles
from ..coincidences.pairs import Pairs, joined
from ..coincidences.singles import singles_of
from ..config.engines import ClassicalConfig
from ..config.policies import CODES
from ..reading.slices import PICOSECOND
from ..reading.volumes import innermost
from .sorter_kernel import LARGEST_GROUP, Sorting, open_delayed, sort_delayed, sort_prompt

ROUNDING = 2.0
"""Spacings of the doubles of two times by which their difference may be off: each is rounded, and perhaps again with its unit."""

MOST_SLACK = 0.02
"""Share of the window that rounding may have; where it has more, no time of a clock can be known, and differences are taken as they are."""


class DelayedWindows:
    """The delayed windows of GATE that are still open where a slice ends.

    Attributes:
        opened: times of the singles that opened them, s.
        segment: the stretch of time that these are of.
    """

    def __init__(self) -> None:
        self.opened: Array = np.zeros(0)
        self.segment = -1


def sort_pairs(examples: Columns, options: ClassicalConfig, window: float, offset: float, sectors: int | None,
               origin: Array | None = None, delayed: DelayedWindows | None = None) -> Pairs:
    """Return the pairs of all slices.

    A time difference is compared with the window as far as the doubles of the file tell it: what differs by rounding
    only is equal, so that the times of a clock are inside or outside whenever they come.

    Args:
        window, offset: ps; no delayed window is opened if the offset is 0.
        sectors: number of rsectors, wanted if `options.min_sector_difference` is not 0.
        origin: what the times of each slice count from, s; None where all count from the same.
        delayed: windows left open by the slices before, and then by these; of `options.delayed` "gate".

    Raises:
        InputError: a window holds thousands of singles, or volumes are wanted and there are none.
    """
    time = ragged(examples, "time")
    singles, cuts = singles_of(examples, time.flat), cuts_of(options, sectors)
    how = Sorting(offset * PICOSECOND, window * PICOSECOND, options.window_end == "closed", options.opening == "every",
                  CODES[options.policy], options.delayed == "matched")
    origin = np.zeros(len(time)) if origin is None else origin
    slack = _slack(singles, origin, how)
    volume = _volumes(examples) if options.other_volumes else np.zeros(0, dtype=np.uint64)
    opens = np.zeros(len(time.flat) if offset else 0, dtype=bool)
    prompt = _prompt(singles, volume, cuts, how, slack, opens)
    if not offset:
        return prompt
    if options.delayed == "gate" and not how.every:
        state = delayed or DelayedWindows()
        segment = np.asarray(examples.get("segment", np.arange(len(time))), dtype=np.int64)
        state.opened = open_delayed(singles, origin, segment, how, slack, state.opened, state.segment, opens)
        state.segment = int(segment[-1]) if len(segment) else state.segment
    return joined(prompt, _delayed(singles, volume, cuts, how, slack, opens))


def cuts_places(options: ClassicalConfig) -> bool:
    """Return whether a cut needs to know where the scanner stands."""
    limits = (options.max_axial_distance, options.fov_radius, options.fov_length)
    return options.min_transaxial_distance > 0 or any(limit is not None for limit in limits)


def cuts_of(options: ClassicalConfig, sectors: int | None) -> Cuts:
    """Return the cuts as numbers; see `sort_pairs`."""
    def limit(value: float | None) -> float:
        return np.inf if value is None else value

    return Cuts(options.min_sector_difference, sectors or 1, options.min_transaxial_distance,
                limit(options.max_axial_distance), limit(options.fov_radius), limit(options.fov_length))


def with_volumes(examples: Columns) -> Columns:
    """Return slices with a number for the volume of each single, `volume_key`, made of the ids that they have."""
    time = ragged(examples, "time")
    return examples | {"volume_key": type(time)(_volumes(examples).view(np.int64), time.offsets)}


def _volumes(examples: Columns) -> Array:
    try:
        return innermost({name: ragged(examples, name).flat for name in examples if name.endswith("_id") or name == "volume_key"})
    except InputError:
        raise InputError("The singles have no number of a volume (PreStepUniqueVolumeID, or rsectorID ... layerID), which "
                         "apply.classical.other_volumes needs: name its branches with --map crystal_id=BRANCH, name the scanner with --scanner, "
                         "or take pairs of one volume too with --set apply.classical.other_volumes=false.") from None


def _slack(singles: Singles, origin: Array, how: Sorting) -> Array:
    """Return by how much a time difference in each slice may be off by rounding, s, (slices,)."""
    last = singles.time[np.maximum(singles.offsets[1:] - 1, 0)] if len(singles.time) else np.zeros(len(origin))
    slack: Array = ROUNDING * np.spacing(np.maximum(np.abs(origin + last), how.offset + how.window))
    return np.where(slack <= MOST_SLACK * how.window, slack, 0.0)


def _prompt(singles: Singles, volume: Array, cuts: Cuts, how: Sorting, slack: Array, opens: Array) -> Pairs:
    capacity = len(singles.time) // 2 + 1
    while True:
        found, sizes = np.empty((2, capacity), dtype=np.int64), np.empty(capacity, dtype=np.int32)
        needed, largest = sort_prompt(singles, volume, cuts, how, slack, opens, found, sizes)
        if largest > LARGEST_GROUP:
            raise InputError(f"A window of {how.window / PICOSECOND:g} ps holds more than {LARGEST_GROUP} singles; take a shorter --window.")
        if needed <= capacity:
            return _pairs(found[:, :needed], sizes[:needed], False)
        capacity = needed


def _delayed(singles: Singles, volume: Array, cuts: Cuts, how: Sorting, slack: Array, opens: Array) -> Pairs:
    capacity = len(singles.time) // 2 + 1
    while True:
        found, sizes = np.empty((2, capacity), dtype=np.int64), np.empty(capacity, dtype=np.int32)
        needed = sort_delayed(singles, volume, cuts, how, slack, opens, found, sizes)
        if needed <= capacity:
            return _pairs(found[:, :needed], sizes[:needed], True)
        capacity = needed


def _pairs(found: Array, sizes: Array, delayed: bool) -> Pairs:
    n = found.shape[1]
    return Pairs(found[0], found[1], np.ones(n, dtype=np.float32), sizes, np.full(n, delayed))
