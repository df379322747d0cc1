"""Candidate links between hits; all frames and layers at once."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....errors import InputError
from ....io.problems import place
from ....io.ragged import Array, Columns, length, ragged
from ..config import DataConfig
from ..tracks.links import Ints, frame_of_hit, layer_starts, neighbour_layers

MAX_LINKS = 12_000_000
"""Candidate links of the frames that are treated together: below 4 GB with what `relay` keeps of each, 0.2 kB as measured."""


def candidate_links(examples: Columns, options: DataConfig) -> tuple[Ints, Ints]:
    """Return the hits (deep, shallow) of all links between neighbouring layers within the angle cuts.

    A link makes an angle with the beam axis below `max_front_angle` between the first three layers,
    below `max_angle` elsewhere, as in arXiv:2407.13420, and is at most `max_step` wide. Neighbouring
    layers are those of a frame that follow one another, at most `1 + skip_layers` apart: a layer without
    any hit is left out, and with it all that are dead; see `tracks.links.neighbour_layers`.

    Raises:
        InputError: there are more than MAX_LINKS of them.
    """
    layer = ragged(examples, "layer")
    x, y, z = (ragged(examples, name).flat.astype(np.float64) for name in "xyz")
    starts = layer_starts(layer.flat, frame_of_hit(examples))
    order = np.lexsort((x, np.repeat(np.arange(len(starts) - 1), np.diff(starts))))
    pairs = _neighbouring(*neighbour_layers(examples, options.skip_layers), frame_of_hit(examples), starts, 1 + options.skip_layers)
    first = starts[pairs]
    tangents = np.tan(np.where(layer.flat[first[:, 1]] < 3, options.max_front_angle, options.max_angle))
    if options.max_step is not None:
        tangents = np.minimum(tangents, options.max_step / (z[first[:, 1]] - z[first[:, 0]]))
    counts, none = np.zeros(len(x), dtype=np.int64), np.zeros(0, dtype=np.int64)
    _visit(x, y, z, order, starts, pairs, tangents, counts, none, none)
    total = int(counts.sum())
    if total > MAX_LINKS:
        where = place(examples, int(np.argmax(ragged(examples, "x").counts)))
        raise InputError(
            f"{length(examples)} frame(s) of together {len(x)} hits make {total} candidate links; more than "
            f"{MAX_LINKS} do not fit into memory: take smaller frames (--protons-per-frame, --frame-time), or a network trained with smaller "
            "angles and steps (data.max_angle, data.max_step)", file=where.file, entry=where.entry)
    deep, shallow = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    _visit(x, y, z, order, starts, pairs, tangents, np.cumsum(counts) - counts, deep, shallow)
    return deep, shallow


def _neighbouring(layer: Ints, dead: NDArray[np.bool_], frame: Ints, starts: Ints, reach: int) -> Ints:
    """Return pairs (shallow, deep) of indices into `starts` of neighbouring layers that are not dead, int64 (P, 2)."""
    alive = np.flatnonzero(~dead[starts[:-1]])
    if len(alive) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    first = starts[alive]
    step = layer[first[1:]] - layer[first[:-1]]
    chosen = (frame[first[1:]] == frame[first[:-1]]) & (step >= 1) & (step <= reach)
    return np.stack([alive[:-1][chosen], alive[1:][chosen]], 1)


@njit(cache=True, nogil=True)
def _visit(x: Array, y: Array, z: Array, order: Array, starts: Array, pairs: Array, tangents: Array,
           seen: Array, deep: Array, shallow: Array) -> None:
    """Add the links of each deep hit d to `seen[d]`; write them there too, at that place, unless `deep` is empty.

    Hits of a layer are visited by rising x.
    """
    write = len(deep) > 0
    for p in range(len(pairs)):
        low, high = starts[pairs[p, 0]], starts[pairs[p, 0] + 1]
        begin = low
        for i in range(starts[pairs[p, 1]], starts[pairs[p, 1] + 1]):
            d = order[i]
            reach = _reach(z, order[low], d, tangents[p])
            while begin < high and x[order[begin]] < x[d] - reach:
                begin += 1
            for j in range(begin, high):
                s = order[j]
                if x[s] > x[d] + reach:
                    break
                if _within(x, y, z, d, s, tangents[p]):
                    if write:
                        deep[seen[d]], shallow[seen[d]] = d, s
                    seen[d] += 1


@njit(cache=True, nogil=True)
def _reach(z: Array, first_shallow: int, d: int, tangent: float) -> float:
    # Sensors of one layer may lie at slightly different z; half a millimetre more costs nothing.
    return float(abs(z[d] - z[first_shallow]) + 0.5) * float(tangent)


@njit(cache=True, nogil=True)
def _within(x: Array, y: Array, z: Array, d: int, s: int, tangent: float) -> bool:
    dx, dy, reach = x[d] - x[s], y[d] - y[s], (z[d] - z[s]) * tangent
    return bool(dx * dx + dy * dy < reach * reach)
