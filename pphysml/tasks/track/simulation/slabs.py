"""What a simulated particle crosses, one homogeneous slab after the other, as arrays for compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....errors import ConfigError
from ....physics.materials import MATERIALS, MaterialName
from ....physics.multiple_scattering import HIGHLAND, highland_factor, soft_share
from ..geometries.geometry import Floats, Geometry
from .nuclei import WATER, nuclei_of

PHANTOM_STEP = 10.0
"""Thickness of the slabs into which the phantom is cut, mm."""

LONG_STEP = 50.0
"""The same where scatters do not displace, and each slab is a scatterer of its own: about the step of Geant4 with its usual options, a fifth of the range."""

WATER_RADIATION_LENGTH = 360.8
"""mm."""


class Slabs(NamedTuple):
    """S slabs along the beam.

    Attributes:
        start, length: along the beam, mm, (S,).
        depth: water-equivalent depth of the front behind the phantom's end, negative inside it, mm.
        wet: water-equivalent thickness, mm.
        soft: width of the scatters below `hard`, times pv / z, MeV.
        hard: angle above which one scatter is expected in the whole scatterer, times pv / z, MeV.
        share: of the slab in that scatterer: 1 / n in a phantom of n slabs, else 1.
        shift: 1 where a scatter displaces the particle, 0 where it only turns it at the end.
        collisions, hydrogen, elastic, escape, slope, transfer: constants of `nuclei.Nuclei`.
        layer: number of the sensor at the end, -1 for none, int64.
    """

    start: Floats
    length: Floats
    depth: Floats
    wet: Floats
    soft: Floats
    hard: Floats
    share: Floats
    shift: Floats
    collisions: Floats
    hydrogen: Floats
    elastic: Floats
    escape: Floats
    slope: Floats
    transfer: Floats
    layer: NDArray[np.int64]


def slabs_of(geometry: Geometry, phantom: float) -> Slabs:
    """Return the slabs of a front tracker, of a phantom (mm of water) and of the calorimeter behind it.

    Raises:
        ConfigError: the front tracker is not in front of the phantom.
    """
    pieces = int(np.ceil(phantom / (PHANTOM_STEP if geometry.lateral_displacement else LONG_STEP)))
    end = geometry.z[0] - geometry.phantom.distance
    water = np.full(pieces, phantom / max(pieces, 1))
    front = _front(geometry, end - phantom)
    before = len(front.wet) + pieces
    layers = len(geometry.z)
    starts = np.concatenate([front.start, end - phantom + water * np.arange(pieces), [end], geometry.z[:-1]])
    place = np.arange(before + layers)
    inside = (place >= len(front.wet)) & (place < before)
    share = np.where(inside & geometry.lateral_displacement, 1.0 / max(pieces, 1), 1.0)
    whole = np.concatenate([front.lengths, water / WATER_RADIATION_LENGTH, geometry.radiation_lengths]) / share
    wet = np.concatenate([front.wet, water, geometry.wet])
    materials = geometry.materials or (None,) * layers
    constants = np.array([nuclei_of(name) for name in front.materials] + [WATER] * pieces + [nuclei_of(name) for name in materials])
    collisions, hydrogen, elastic, escape, slope, transfer, single = np.ascontiguousarray(constants.T)
    return Slabs(
        start=starts,
        length=np.append(starts[1:], geometry.z[-1]) - starts,
        depth=np.cumsum(wet) - wet - phantom - front.wet.sum(),
        wet=wet,
        soft=HIGHLAND * highland_factor(whole) * np.sqrt(whole * share * soft_share(whole, single)),
        hard=single * np.sqrt(whole),
        share=share,
        shift=np.full(before + layers, float(geometry.lateral_displacement)),
        collisions=collisions,
        hydrogen=hydrogen,
        elastic=elastic,
        escape=escape,
        slope=slope,
        transfer=transfer,
        layer=np.concatenate([front.layer, np.full(pieces, -1), np.arange(layers)]).astype(np.int64),
    )


class _Front(NamedTuple):
    """Slabs of the planes of a front tracker, each with the air behind it; names as in `Slabs`."""

    start: Floats
    wet: Floats
    lengths: Floats
    layer: NDArray[np.int64]
    materials: tuple[MaterialName, ...]


def _front(geometry: Geometry, phantom: float) -> _Front:
    """Return the slabs in front of a phantom that begins at a position, mm; none without a front tracker."""
    front = geometry.front
    if front is None:
        return _Front(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), ())
    if front.z[-1] > phantom:
        raise ConfigError(f"Geometry {geometry.name!r}: its front tracker reaches to {front.z[-1]:g} mm, but the phantom begins at {phantom:g} mm; "
                          "choose thinner simulation.phantoms, or another phantom.distance.")
    n, air, gaps = len(front.z), MATERIALS["air"], np.diff(np.append(front.z, phantom))
    # What a plane scatters bends the way from there on: it has no length of its own.
    wet = np.stack([np.full(n, front.wet), gaps * air.relative_stopping_power], 1).ravel()
    lengths = np.stack([np.full(n, front.radiation_lengths), gaps / air.radiation_length], 1).ravel()
    layer = np.stack([len(geometry.z) + np.arange(n), np.full(n, -1)], 1).ravel()
    return _Front(np.repeat(front.z, 2), wet, lengths, layer, ("silicon", "air") * n)
