"""Which track in front of the object goes on as which track behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array
from ....nn.assignment import BipartiteGraph, solve_assignment
from ....physics.materials import MATERIALS
from ....physics.multiple_scattering import highland_angle
from ....physics.range_energy import momentum_velocity, particle_energy, particle_range
from .front_tracks import FrontTracks, near_pairs

Floats = NDArray[np.float64]

LARGEST_CHI2 = 30.0
"""Of a match, of four degrees of freedom: beyond it both tracks stay alone."""

USUAL_WEPL = 100.0
"""Thickness of water that is assumed where the beam, and with it WEPL, is not known, mm."""

ROUNDS = 5
"""Times that tracks are matched and the middle of the object is fitted to the matches."""

MOST_PAIRS = 1_000_000
"""Pairs of tracks that are compared at a time, unless they are of one frame."""


@dataclass(frozen=True)
class BackTracks:
    """M tracks behind the object; those of a frame follow one another.

    Attributes:
        frame: row of the frame, (M,).
        place: x, y and z of the first hit, mm, (M, 3).
        slope: dx/dz and dy/dz from there to the second hit, NaN for one hit, (M, 2).
        slope_error: of that by scattering and pixels, (M,).
        wepl, wepl_error: mm, NaN where they are not known, (M,).
        energy: behind the object, MeV, (M,).
        mass_ratio, charge: (M,).
    """

    frame: Array
    place: Floats
    slope: Floats
    slope_error: Floats
    wepl: Floats
    wepl_error: Floats
    energy: Floats
    mass_ratio: Floats
    charge: Floats


@dataclass(frozen=True)
class Scatter:
    """What may be expected of M tracks: of a slab of as much water as their WEPL, by Highland's formula.

    Attributes:
        angle: width of the deflection in the object, projected, (M,).
        length: of the slab, mm, (M,).
        front: width of the deflection in the last plane in front, (M,).
    """

    angle: Floats
    length: Floats
    front: Floats

    @classmethod
    def of(cls, back: BackTracks, plane: Floats) -> Scatter:
        """Return that of tracks; `plane` is the radiation lengths of a plane in front, for each."""
        water = np.maximum(np.where(np.isfinite(back.wepl), back.wepl, USUAL_WEPL), np.maximum(np.nan_to_num(back.wepl_error), 1.0))
        reach = particle_range(back.energy, back.mass_ratio, back.charge)
        inside, before = (momentum_velocity(particle_energy(reach + share * water, back.mass_ratio, back.charge), back.mass_ratio) for share in (0.5, 1.0))
        return cls(highland_angle(water / MATERIALS["water"].radiation_length, inside, back.charge), water, highland_angle(plane, before, back.charge))


def match_front(front: FrontTracks, back: BackTracks, plane: Floats, pixel: float) -> Array:
    """Return the index of each back track's front track, int64 (M,), -1 for none.

    Both tracks are extended to the middle of the object. Their distance there and the angle between them are compared
    with what multiple scattering lets expect: a slab of length L that turns by an angle of width a displaces
    against the turn about its middle by a L / sqrt(12). The assignment with the smallest sum of chi2 is taken, where
    both may also stay alone. The middle of the object is that of the matches of the frame, found in some rounds: where the
    displacement and the turn have the smallest distance, from halfway between both sides on, known to a fourth of the way.

    Args:
        plane: radiation lengths of a plane in front, (M,).
        pixel: standard error of a hit's position, mm.
    """
    found = np.full(len(back.frame), -1, dtype=np.int64)
    usable = np.isfinite(back.slope).all(1) & np.isfinite(back.energy)
    scatter = Scatter.of(back, plane)
    for left, right in _pairs(front, back, usable):
        chosen = _matched(front, back, scatter, pixel, left, right)
        found[left[chosen]] = right[chosen]
    return found


def _pairs(front: FrontTracks, back: BackTracks, usable: Array) -> Iterator[tuple[Array, Array]]:
    """Yield all pairs of a back and a front track of one frame, some frames at a time."""
    chosen = np.flatnonzero(usable)
    n = int(max(front.frame.max(initial=-1), back.frame.max(initial=-1))) + 1
    counts = np.bincount(front.frame, minlength=n) * np.bincount(back.frame[chosen], minlength=n)
    part = np.cumsum(counts) // MOST_PAIRS
    for number in np.unique(part[counts > 0]):
        first, stop = np.searchsorted(part, (number, number + 1))
        some, others = (rows[(frame >= first) & (frame < stop)] for rows, frame in ((chosen, back.frame[chosen]), (np.arange(len(front.frame)), front.frame)))
        left, right = near_pairs(back.frame[some], np.zeros(len(some)), front.frame[others], np.zeros(len(others)), 0.0)
        yield some[left], others[right]


def _matched(front: FrontTracks, back: BackTracks, scatter: Scatter, pixel: float, left: Array, right: Array) -> Array:
    """Return which of the pairs are matches, bool (P,)."""
    way = back.place[left, 2] - front.place[right, 2]
    turn = back.slope[left] - front.slope[right]
    shift = back.place[left, :2] - front.place[right, :2] - front.slope[right] * way[:, None]
    in_front = np.hypot(scatter.front[left], np.sqrt(2) * pixel / front.step[right])
    angle, length, behind = scatter.angle[left], np.minimum(scatter.length[left], way), back.slope_error[left]
    of_turn = (turn**2).sum(1) / (angle**2 + in_front**2 + behind**2)
    likely = np.flatnonzero(of_turn < LARGEST_CHI2)
    frame = back.frame[left]
    n = int(frame.max(initial=-1)) + 1
    usual = np.bincount(frame, way, minlength=n) / np.maximum(np.bincount(frame, minlength=n), 1)
    lever, error = usual / 2, usual / 4
    chosen = np.zeros(len(left), dtype=bool)
    for _ in range(ROUNDS):
        at = lever[frame]
        variance = (angle * length) ** 2 / 12 + (in_front * (way - at)) ** 2 + (behind * at) ** 2 + 2 * pixel**2
        # The middle of the object is not known better than by its error.
        missed = (shift - at[:, None] * turn) ** 2 / (variance[:, None] + (error[frame, None] * turn) ** 2)
        chi2 = (missed.sum(1) + of_turn)[likely]
        chosen = np.zeros(len(left), dtype=bool)
        near = likely[chi2 < LARGEST_CHI2]
        chosen[near] = _assigned(left[near], right[near], chi2[chi2 < LARGEST_CHI2] - LARGEST_CHI2)
        weight, pull = (np.bincount(frame[chosen], (values / variance[:, None]).sum(1)[chosen], minlength=n) for values in (turn**2, turn * shift))
        information = 16 / np.maximum(usual, 1e-9) ** 2
        lever, error = (pull + information * usual / 2) / (weight + information), 1 / np.sqrt(weight + information)
    return chosen


def _assigned(left: Array, right: Array, cost: Floats) -> Array:
    """Return which pairs are assigned to each other, where a track alone costs nothing."""
    (rows, row), (columns, column) = (np.unique(nodes, return_inverse=True) for nodes in (left, right))
    return solve_assignment(BipartiteGraph(row, column, len(rows), len(columns)), cost, np.zeros(len(rows)), np.zeros(len(columns)))
