"""What a simulated particle crosses, one homogeneous slab after the other, as arrays for compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    """Return the slabs of a phantom (mm of water) and of the calorimeter behind it."""
    pieces = int(np.ceil(phantom / (PHANTOM_STEP if geometry.lateral_displacement else LONG_STEP)))
    layers = len(geometry.z)
    end = geometry.z[0] - geometry.phantom.distance
    water = np.full(pieces, phantom / max(pieces, 1))
    starts = np.concatenate([end - phantom + water * np.arange(pieces), [end], geometry.z[:-1]])
    inside = np.arange(pieces + layers) < pieces
    share = np.where(inside & geometry.lateral_displacement, 1.0 / max(pieces, 1), 1.0)
    whole = np.concatenate([water / WATER_RADIATION_LENGTH, geometry.radiation_lengths]) / share
    wet = np.concatenate([water, geometry.wet])
    materials = geometry.materials or (None,) * layers
    constants = np.array([WATER] * pieces + [nuclei_of(name) for name in materials])
    collisions, hydrogen, elastic, escape, slope, transfer, single = np.ascontiguousarray(constants.T)
    return Slabs(
        start=starts,
        length=np.append(starts[1:], geometry.z[-1]) - starts,
        depth=np.cumsum(wet) - wet - phantom,
        wet=wet,
        soft=HIGHLAND * highland_factor(whole) * np.sqrt(whole * share * soft_share(whole, single)),
        hard=single * np.sqrt(whole),
        share=share,
        shift=np.full(pieces + layers, float(geometry.lateral_displacement)),
        collisions=collisions,
        hydrogen=hydrogen,
        elastic=elastic,
        escape=escape,
        slope=slope,
        transfer=transfer,
        layer=np.concatenate([np.full(pieces, -1), np.arange(layers)]).astype(np.int64),
    )
