"""What lies between the layers, as the network sees it."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged
from ..tracks.links import frame_of_hit

Floats = NDArray[np.float32]

MATERIALS = 4
"""Features of a hit."""

USUAL_LENGTHS, USUAL_WATER, USUAL_SENSOR = 0.04, 8.0, 0.025
"""Radiation lengths and water-equivalent length (mm) of 3.5 mm aluminium, thickness of a sensor (mm): features are logarithms over these."""

LEAST_LENGTHS = 1e-9
"""A gap of nothing, as of a sensor on the phantom, counts as so many radiation lengths."""

USUAL_WIDTH = 0.01
"""Deflection in `USUAL_LENGTHS` that deflections are measured by, rad: that of a proton of about 130 MeV, projected."""

RESOLUTION = 0.2
"""Error of a cluster's position over the pitch of the pixels: less than the 1 / sqrt(12) of a single pixel."""


def of_hits(examples: Columns) -> Floats:
    """Return the logarithms of radiation lengths in front, of water behind and of the sensor's thickness, and whether the first two are known.

    Shape (H, MATERIALS); 0 for what is not known.
    """
    water = ragged(examples, "next_depth").flat - ragged(examples, "depth").flat
    lengths = ragged(examples, "gap_lengths").flat
    known = np.isfinite(lengths) & np.isfinite(water) & (water > 0)
    sensor = np.asarray(examples["sensor_thickness"], dtype=np.float64)[frame_of_hit(examples)]
    found: Floats = np.stack([
        np.log(np.maximum(np.where(known, lengths, USUAL_LENGTHS), LEAST_LENGTHS) / USUAL_LENGTHS) / 2, np.log(np.where(known, water, USUAL_WATER) / USUAL_WATER),
        np.log(sensor / USUAL_SENSOR), known.astype(np.float64)], 1).astype(np.float32)
    return found


def link_scales(examples: Columns, deep: Array, shallow: Array) -> tuple[Floats, Floats]:
    r"""Return what deflections at the shallow, and at the deep hit of each link are multiplied by, (E,) each.

    It is :math:`w / \sqrt{w^2 X / X_u + 6 (\sigma / s)^2}` with `USUAL_WIDTH` w, the mean radiation lengths X of the two
    gaps over the usual ones, and what the resolution of the pixels makes of a second difference over the step s. Where the
    materials are not known they are taken for the usual ones.
    """
    front, behind = (ragged(examples, name).flat.astype(np.float64) for name in ("gap_lengths", "next_gap_lengths"))
    front, behind = (np.where(np.isfinite(lengths), lengths, USUAL_LENGTHS) for lengths in (front, behind))
    pitch = (np.asarray(examples["pitch_x"], dtype=np.float64) + np.asarray(examples["pitch_y"], dtype=np.float64)) / 2
    at_shallow, at_deep = (np.empty(len(deep), dtype=np.float32) for _ in range(2))
    _scales(front, behind, ragged(examples, "z").flat.astype(np.float64), (RESOLUTION * pitch)[frame_of_hit(examples)], deep, shallow, at_shallow, at_deep)
    return at_shallow, at_deep


@njit(cache=True, nogil=True, error_model="numpy")
def _scales(front: Array, behind: Array, z: Array, error: Array, deep: Array, shallow: Array, at_shallow: Array, at_deep: Array) -> None:
    """Fill the scales of `link_scales` of the radiation lengths of the gaps of each hit, and of the error of its position, mm."""
    for e in range(len(deep)):
        d, s = deep[e], shallow[e]
        blur = 6 * (error[d] / max(z[d] - z[s], 0.1)) ** 2
        at_shallow[e] = USUAL_WIDTH / np.sqrt(USUAL_WIDTH**2 * (front[s] + front[d]) / 2 / USUAL_LENGTHS + blur)
        at_deep[e] = USUAL_WIDTH / np.sqrt(USUAL_WIDTH**2 * (front[d] + behind[d]) / 2 / USUAL_LENGTHS + blur)
