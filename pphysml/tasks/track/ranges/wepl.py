"""Water-equivalent range and path length of tracks, from the energy losses in their last sensors.

A posterior for the depth R at which the particle stops (`range_kernel`): flat in front, with the
energy losses' distribution at the residual ranges (`energy_loss`). Its mean is the estimate with the
smallest mean square error. The sensors behind the last hit are information too: R lies in front of
the next one, unless that one missed the particle, or a nuclear interaction ended the track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Columns, ragged
from ....physics.multiple_scattering import highland_angle
from ....physics.range_energy import EXPONENT, momentum_velocity, particle_energy
from ....physics.straggling import range_variance
from ..geometries.geometry import BeamConfig, Geometry
from ..tracks.track_fit import Bends
from ..tracks.tracks import Tracks
from .energy_loss import LONGEST, PARTICLES, loss_table
from .range_kernel import stop_posteriors
from .water_path import WaterPath, water_path

Floats = NDArray[np.float64]

MISSED = 0.001
"""Prior probability that a sensor misses a particle."""

NUCLEAR_RATE = 1.1e-3
"""Nuclear interactions of a proton in water, 1/mm; about 1 % per cm at all energies that matter."""

SHORTEST_LEFT = 0.1
"""Range, mm, that a particle has at least in the middle of a gap that it crossed."""


@dataclass(frozen=True)
class RangeFit:
    """What the energy losses say of T tracks; NaN, and no judgement, where the materials are not known.

    Attributes:
        range, range_error: water-equivalent depth behind the phantom at which the particle stops, mm.
        energy: kinetic energy behind the phantom, MeV, of the path to there.
        wepl, wepl_error: water-equivalent path length in front, mm: range of the beam less that path;
            the error with range straggling.
        no_peak: whether the track more likely ended by a nuclear interaction than by stopping, bool.
    """

    range: Floats
    range_error: Floats
    energy: Floats
    wepl: Floats
    wepl_error: Floats
    no_peak: NDArray[np.bool_]


def fit_ranges(examples: Columns, tracks: Tracks, geometry: Geometry | None) -> RangeFit:
    """Return the range of each track, and what follows from it.

    Args:
        geometry: calorimeter whose sensors the column `layer` numbers, None if it is not known.
    """
    if geometry is None:
        unknown = np.full(len(tracks.hits), np.nan)
        return RangeFit(unknown, unknown, unknown, unknown, unknown, np.zeros(len(unknown), dtype=bool))
    particle = PARTICLES[geometry.beam.particle]
    beam_range = np.asarray(examples["beam_range"], dtype=np.float64)[tracks.frame]
    straggling = beam_straggling(beam_range, geometry.beam)
    limit = np.where(np.isnan(beam_range), LONGEST, beam_range + 4 * straggling)
    path = water_path(examples, tracks, geometry)
    length, width, stops, flies = _posteriors(examples, tracks, path, geometry, limit).T
    last = tracks.hits.offsets[1:] - 1
    return RangeFit(
        range=path.depth[last] + (length - path.length[last]) / path.slant[last], range_error=width / path.slant[last],
        energy=particle_energy(length, *particle),
        wepl=beam_range - length, wepl_error=np.hypot(width, straggling),
        no_peak=flies > stops,
    )


def _posteriors(examples: Columns, tracks: Tracks, path: WaterPath, geometry: Geometry, limit: Floats) -> Floats:
    """Return `stop_posteriors` along the tracks, with what a nuclear interaction makes of the last column."""
    table = loss_table(geometry.sensor.thickness, PARTICLES[geometry.beam.particle])
    dedx = ragged(examples, "dedx").flat[tracks.hits.flat] / path.slant
    loss = np.log(np.where(dedx > 0, dedx, np.nan))
    last = tracks.hits.offsets[1:] - 1
    ahead = (path.ahead - path.depth[last, None]) * path.slant[last, None]
    found = stop_posteriors(tracks.hits.offsets, path.length, loss, path.length[last, None] + ahead, limit, MISSED,
                            table.log_mean, table.row, table.log_density)
    # A nuclear interaction is as likely anywhere in the gap behind the last hit.
    found[:, 3] += np.log(NUCLEAR_RATE * ahead[:, 0])
    return found


def beam_straggling(beam_range: Floats, beam: BeamConfig) -> Floats:
    """Return the width of the beam's range in water, from range straggling and its energy spread, mm."""
    spread = EXPONENT * beam_range * beam.energy_spread / beam.energy
    width: Floats = np.sqrt(range_variance(beam_range, *PARTICLES[beam.particle]) + spread**2)
    return width


def scattering_chi2(examples: Columns, found: Bends, fit: RangeFit, geometry: Geometry | None) -> Floats:
    """Return the squared deflections over their expectation, per degree of freedom, shape (T,).

    Where two links meet, the angle's variance is a third of the Highland variances of the two gaps:
    that of the angle between entrance and chord, or chord and exit, of a homogeneous scatterer
    (Review of Particle Physics, section "Multiple scattering through small angles"). Where particles
    turn at the sensors only, it is that of the gap in front. Single hard scatters are not in it.

    Returns:
        NaN for tracks of fewer than three hits, and where the materials are not known.
    """
    chi2 = np.full(len(fit.range), np.nan)
    if geometry is None:
        return chi2
    particle = PARTICLES[geometry.beam.particle]
    layer = ragged(examples, "layer").flat[found.hit].astype(np.int64)
    depth = geometry.depth[layer]
    left = np.maximum(fit.range[found.track, None] - (depth[:, :-1] + depth[:, 1:]) / 2, SHORTEST_LEFT)
    pv = momentum_velocity(particle_energy(left, *particle), particle.mass_ratio)
    thickness = np.diff(np.cumsum(geometry.radiation_lengths)[layer], axis=1)
    share = np.array([1 / 3, 1 / 3] if geometry.lateral_displacement else [1.0, 0.0])
    variance = (highland_angle(thickness, pv, particle.charge) ** 2) @ share
    freedom = 2 * np.bincount(found.track, minlength=len(chi2))
    total = np.bincount(found.track, found.angle**2 / variance, minlength=len(chi2))
    np.divide(total, freedom, out=chi2, where=freedom > 0)
    return chi2
