"""Water-equivalent range and path length of tracks, from the energy losses in their last sensors.

A posterior for the depth R at which the particle stops (`range_kernel`): flat in front, with the
energy losses' distribution at the residual ranges (`energy_loss`). Its mean is the estimate with the
smallest mean square error. The sensors behind the last hit are information too: R lies in front of
the next one, unless that one missed the particle, or a nuclear interaction ended the track.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Columns, Ragged, ragged
from ....physics.multiple_scattering import highland_angle
from ....physics.range_energy import (
    EXPONENT,
    HELIUM_MASS_RATIO,
    momentum_velocity,
    particle_energy,
)
from ....physics.straggling import range_variance
from ..tracks.track_fit import Bends
from ..tracks.tracks import Tracks
from .energy_loss import LONGEST, PARTICLES, LossTable, Particle, loss_table
from .range_kernel import IN_GAP, IN_NEXT, stop_cells, stop_posteriors
from .water_path import WaterPath, water_path

Floats = NDArray[np.float64]
Losses = tuple[NDArray[np.int64], Floats, Floats, Floats]

MISSED = 0.001
"""Prior probability that a sensor misses a particle."""

NUCLEAR_RATE = 1.1e-3
"""Nuclear interactions of a proton in water, 1/mm; about 1 % per cm at all energies that matter."""

SHORTEST_LEFT = 0.1
"""Range, mm, that a particle has at least in the middle of a gap that it crossed."""


@dataclass(frozen=True)
class RangeFit:
    """What the energy losses say of T tracks; NaN, and no judgement, where the materials are not known, and no WEPL without a beam.

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


def fit_ranges(examples: Columns, tracks: Tracks) -> RangeFit:
    """Return the range of each track, and what follows from it."""
    path = water_path(examples, tracks)
    kinds = Kinds.of(examples, tracks)
    straggling = beam_straggling(examples)[tracks.frame]
    beam_range = _of_frames(examples, "beam_range", tracks)
    limit = np.where(np.isnan(beam_range), LONGEST, beam_range + 4 * straggling)
    known = np.isfinite(path.ahead[:, 1])
    length, width, stops, flies = np.where(known[:, None], _posteriors(examples, tracks, path, kinds, limit), np.nan).T
    last = tracks.hits.offsets[1:] - 1
    return RangeFit(
        range=path.depth[last] + (length - path.length[last]) / path.slant[last], range_error=width / path.slant[last],
        energy=particle_energy(length, kinds.mass_ratio, kinds.charge),
        wepl=beam_range - length, wepl_error=np.hypot(width, straggling),
        no_peak=flies > stops,
    )


@dataclass(frozen=True)
class Kinds:
    """What the T tracks of some frames consist of, and what they are seen by.

    Attributes:
        charge, mass_ratio: of the particles of the beam, (T,).
        thickness: of the sensors, mm, (T,).
    """

    charge: Floats
    mass_ratio: Floats
    thickness: Floats

    @classmethod
    def of(cls, examples: Columns, tracks: Tracks) -> Kinds:
        """Return those of tracks."""
        charge = _of_frames(examples, "beam_charge", tracks)
        return cls(charge, np.where(charge == 2, HELIUM_MASS_RATIO, 1.0), _of_frames(examples, "sensor_thickness", tracks))

    def groups(self) -> Iterator[tuple[float, Particle, NDArray[np.int64]]]:
        """Yield each thickness and particle that occurs, with its tracks."""
        found, which = np.unique(np.stack([self.thickness, self.charge]), axis=1, return_inverse=True)
        for number, (thickness, charge) in enumerate(found.T):
            yield float(thickness), PARTICLES["helium" if charge == 2 else "proton"], np.flatnonzero(which.ravel() == number)


def _posteriors(examples: Columns, tracks: Tracks, path: WaterPath, kinds: Kinds, limit: Floats) -> Floats:
    """Return `stop_posteriors` along the tracks, with what a nuclear interaction makes of the last column."""
    found = np.empty((len(tracks.hits), 4))
    for chosen, losses, table in _groups_to_fit(examples, tracks, path, kinds):
        found[chosen] = stop_posteriors(*losses, limit[chosen], MISSED, table.log_mean, table.row, table.log_density)
    # A nuclear interaction is as likely anywhere in the gap behind the last hit.
    last = tracks.hits.offsets[1:] - 1
    with np.errstate(invalid="ignore"):
        found[:, 3] += np.log(NUCLEAR_RATE * (path.ahead[:, 0] - path.depth[last]) * path.slant[last])
    return found


def stop_probabilities(examples: Columns, tracks: Tracks) -> tuple[Floats, Floats]:
    """Return lengths, mm, (T, C), at which each track may stop, and how likely each is, if all are in front.

    They reach to the second sensor behind the last hit; see `range_kernel.stop_cells`. The materials must be known.
    """
    path, kinds = water_path(examples, tracks), Kinds.of(examples, tracks)
    place, probability = (np.empty((len(tracks.hits), IN_GAP + IN_NEXT)) for _ in range(2))
    for chosen, losses, table in _groups_to_fit(examples, tracks, path, kinds):
        place[chosen], probability[chosen] = stop_cells(*losses, MISSED, table.log_mean, table.row, table.log_density)
    return place, probability


def _groups_to_fit(examples: Columns, tracks: Tracks, path: WaterPath, kinds: Kinds) -> Iterator[tuple[NDArray[np.int64], Losses, LossTable]]:
    """Yield tracks of one particle and sensor; offsets of their hits, lengths, logarithms of the losses, the two sensors behind; the table to use."""
    dedx = ragged(examples, "dedx").flat[tracks.hits.flat] / path.slant
    # Losses at places that are not known are left out: the compiled code would look them up anywhere. So are those of several particles.
    shared = np.bincount(tracks.hits.flat, minlength=len(tracks.of_hit))[tracks.hits.flat] > 1
    loss = np.log(np.where((dedx > 0) & np.isfinite(path.length) & ~shared, dedx, np.nan))
    last = tracks.hits.offsets[1:] - 1
    following = path.length[last, None] + (path.ahead - path.depth[last, None]) * path.slant[last, None]
    for thickness, particle, chosen in kinds.groups():
        of_group = tracks.hits if len(chosen) == len(last) else tracks.hits.take(chosen)
        listed = slice(None) if len(chosen) == len(last) else Ragged(np.arange(len(loss)), tracks.hits.offsets).take(chosen).flat
        yield chosen, (of_group.offsets, path.length[listed], loss[listed], following[chosen]), loss_table(thickness, particle)


def _of_frames(examples: Columns, name: str, tracks: Tracks) -> Floats:
    """Return a column of the frames for each track, float64 (T,)."""
    return np.asarray(examples[name], dtype=np.float64)[tracks.frame]


def beam_straggling(examples: Columns) -> Floats:
    """Return the width of the beam's range in water, from range straggling and its energy spread, mm, per frame; NaN without a beam."""
    reach, energy, spread, charge = (np.asarray(examples[f"beam_{name}"], dtype=np.float64) for name in ("range", "energy", "spread", "charge"))
    variance = np.where(charge == 2, range_variance(reach, *PARTICLES["helium"]), range_variance(reach, *PARTICLES["proton"]))
    width: Floats = np.sqrt(variance + (EXPONENT * reach * spread / energy) ** 2)
    return width


def scattering_chi2(examples: Columns, tracks: Tracks, found: Bends, fit: RangeFit) -> Floats:
    """Return the squared deflections over their expectation, per degree of freedom, shape (T,).

    Where two links meet, the angle's variance is a third of the Highland variances of the two gaps:
    that of the angle between entrance and chord, or chord and exit, of a homogeneous scatterer
    (Review of Particle Physics, section "Multiple scattering through small angles"). Where particles
    turn at the sensors only, it is that of the gap in front. Single hard scatters are not in it.

    Returns:
        NaN for tracks of fewer than three hits, and where the materials are not known.
    """
    kinds = Kinds.of(examples, tracks)
    charge, mass_ratio = kinds.charge[found.track, None], kinds.mass_ratio[found.track, None]
    depth, lengths = (ragged(examples, name).flat[found.hit].astype(np.float64) for name in ("depth", "lengths"))
    left = np.maximum(fit.range[found.track, None] - (depth[:, :-1] + depth[:, 1:]) / 2, SHORTEST_LEFT)
    pv = momentum_velocity(particle_energy(left, mass_ratio, charge), mass_ratio)
    turns = np.asarray(examples["turns_at_sensors"], dtype=bool)[tracks.frame][found.track, None]
    share = np.where(turns, [1.0, 0.0], [1 / 3, 1 / 3])
    variance = (highland_angle(np.diff(lengths, axis=1), pv, charge) ** 2 * share).sum(1)
    freedom = 2 * np.bincount(found.track, minlength=len(fit.range))
    total = np.bincount(found.track, found.angle**2 / variance, minlength=len(fit.range))
    chi2: Floats = np.where(freedom > 0, total / np.maximum(freedom, 1), np.nan)
    return chi2
