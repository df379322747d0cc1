"""Decays, their photons and what water does to them, in the second, independent simulation; see petnet_toy_scanners.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from petnet_toy_settings import Cylinder, Setting

Array = NDArray[Any]

REST = 0.51099895
"""Energy of a photon of an annihilation, MeV."""

WATER = 0.0096
"""Attenuation of water at that energy, 1/mm."""

ACOLLINEARITY = 0.0037
"""Standard deviation of the angle that two photons lack to a straight line, in each of two planes, rad (0.5 degrees FWHM)."""

POSITRON_RANGE = 0.25
"""Standard deviation in each coordinate, mm."""

MOST_SCATTERS = 3
LOWEST = 0.2
"""Energy of photons that are followed, MeV."""


@dataclass
class Photons:
    """Photons in flight.

    Attributes:
        place, direction: mm, (n, 3).
        energy: MeV; `path`: mm since the decay; `scatters`: in water; `decay`: number of the decay.
    """

    place: Array
    direction: Array
    energy: Array
    path: Array
    scatters: Array
    decay: Array

    def take(self, rows: Array) -> Photons:
        return Photons(self.place[rows], self.direction[rows], self.energy[rows], self.path[rows], self.scatters[rows], self.decay[rows])

    def __len__(self) -> int:
        return len(self.energy)


def decay_times(setting: Setting, rng: np.random.Generator) -> Array:
    """Return the times of all decays in order, s."""
    n = rng.poisson(setting.decays)
    u = np.sort(rng.random(n))
    if np.isinf(setting.half_life):
        return u * setting.seconds
    rate = np.log(2) / setting.half_life
    return -np.log1p(-u * -np.expm1(-rate)) / rate * setting.seconds


def displacement(setting: Setting, time: Array) -> Array:
    """Return where the object is at a time since the start, relative to its first place, mm, (n, 3)."""
    share = time / setting.seconds
    return np.outer(share > 0.5, setting.jump) + np.outer(share, setting.drift)


def decay_places(sources: tuple[Cylinder, ...], n: int, rng: np.random.Generator) -> Array:
    """Return points of activity, mm, (n, 3)."""
    weight = np.array([source.weight for source in sources])
    of = rng.choice(len(sources), n, p=weight / weight.sum())
    radius, length = (np.array([getattr(source, name) for source in sources])[of] for name in ("radius", "length"))
    rho, phi = radius * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    place = np.column_stack([rho * np.cos(phi), rho * np.sin(phi), length * (rng.random(n) - 0.5)])
    return place + np.array([source.centre for source in sources])[of] + rng.normal(0, POSITRON_RANGE, (n, 3))


def emitted(place: Array, decay: Array, rng: np.random.Generator) -> Photons:
    """Return the two photons of each decay: first all first ones, then all second ones."""
    n = len(place)
    cosine, phi = 2 * rng.random(n) - 1, 2 * np.pi * rng.random(n)
    sine = np.sqrt(1 - cosine**2)
    first = np.column_stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
    angle = np.hypot(*rng.normal(0, ACOLLINEARITY, (2, n)))
    second = turned(-first, np.cos(angle), 2 * np.pi * rng.random(n))
    n *= 2
    return Photons(np.concatenate([place, place]), np.concatenate([first, second]), np.full(n, REST), np.zeros(n),
                   np.zeros(n, np.int32), np.concatenate([decay, decay]))


def turned(direction: Array, cosine: Array, phi: Array) -> Array:
    """Return directions at an angle to others."""
    helper = np.where(np.abs(direction[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    across = np.cross(direction, helper)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    other = np.cross(direction, across)
    sine = np.sqrt(np.maximum(0, 1 - cosine**2))[:, None]
    result = direction * cosine[:, None] + sine * (across * np.cos(phi)[:, None] + other * np.sin(phi)[:, None])
    return result / np.linalg.norm(result, axis=1, keepdims=True)


def through_water(photons: Photons, water: tuple[Cylinder, ...], rng: np.random.Generator) -> Photons:
    """Return the photons that leave the water, after Compton scatters."""
    left = []
    for _ in range(MOST_SCATTERS):
        distance, inside = next_interaction(photons, water, rng)
        left.append(photons.take(~inside))
        photons = scattered(photons.take(inside), distance[inside], rng)
        photons = photons.take(photons.energy > LOWEST)
    _, inside = next_interaction(photons, water, rng)
    left.append(photons.take(~inside))
    return Photons(*(np.concatenate([vars(part)[name] for part in left]) for name in vars(left[0])))


def next_interaction(photons: Photons, water: tuple[Cylinder, ...], rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the distance to where a photon scatters, and whether it does."""
    spans = np.array([passage(photons, cylinder) for cylinder in water])
    begin, length = spans[:, 0], spans[:, 1] - spans[:, 0]
    if len(water) > 1:
        order = np.argsort(begin, axis=0)
        begin, length = (np.take_along_axis(values, order, 0) for values in (begin, length))
    rest = rng.exponential(size=len(photons)) / (WATER * cross_section(photons.energy))
    distance, inside = np.zeros(len(photons)), np.zeros(len(photons), bool)
    for start, span in zip(begin, length, strict=True):
        here = ~inside & (rest < span)
        distance[here] = (start + rest)[here]
        inside |= here
        rest = rest - span
    return distance, inside


def passage(photons: Photons, cylinder: Cylinder) -> tuple[Array, Array]:
    """Return where a photon's line enters and leaves a cylinder, ahead of it; equal if it does not."""
    x, y, z = (photons.place - cylinder.centre).T
    u, v, w = photons.direction.T
    a, b, c = u**2 + v**2 + 1e-12, x * u + y * v, x**2 + y**2 - cylinder.radius**2
    root = np.sqrt(np.maximum(b**2 - a * c, 0))
    slope = np.where(np.abs(w) < 1e-9, 1e-9, w)
    ends = np.sort(np.array([(-cylinder.length / 2 - z) / slope, (cylinder.length / 2 - z) / slope]), axis=0)
    enters = np.maximum(np.maximum((-b - root) / a, ends[0]), 0)
    leaves = np.minimum((-b + root) / a, ends[1])
    return enters, np.where(b**2 > a * c, np.maximum(leaves, enters), enters)


def scattered(photons: Photons, distance: Array, rng: np.random.Generator) -> Photons:
    """Return photons after a Compton scatter (Klein and Nishina)."""
    cosine = compton_cosine(photons.energy, rng)
    return Photons(photons.place + distance[:, None] * photons.direction, turned(photons.direction, cosine, 2 * np.pi * rng.random(len(photons))),
                   photons.energy / (1 + photons.energy / REST * (1 - cosine)), photons.path + distance, photons.scatters + 1, photons.decay)


def compton_cosine(energy: Array, rng: np.random.Generator) -> Array:
    """Return cosines of the angle of a Compton scatter."""
    row = np.clip(np.rint((energy - ENERGIES[0]) / (ENERGIES[1] - ENERGIES[0])).astype(int), 0, len(ENERGIES) - 1)
    u = rng.random(len(energy)) * (COSINES.shape[1] - 1)
    low = np.minimum(u.astype(int), COSINES.shape[1] - 2)
    return COSINES[row, low] + (u - low) * (COSINES[row, low + 1] - COSINES[row, low])


def cross_section(energy: Array) -> Array:
    """Return the cross-section over that at 511 keV."""
    return np.interp(energy, ENERGIES, TOTALS)


def klein_nishina() -> tuple[Array, Array, Array]:
    """Return energies, cosines at equal steps of their distribution, and cross-sections over the last one."""
    energies, cosine = np.linspace(0.1, REST, 80), np.linspace(-1, 1, 2001)
    ratio = 1 / (1 + energies[:, None] / REST * (1 - cosine))
    density = ratio**2 * (ratio + 1 / ratio - 1 + cosine**2)
    sums = np.concatenate([np.zeros((len(energies), 1)), np.cumsum((density[:, 1:] + density[:, :-1]) / 2, axis=1)], axis=1)
    steps = np.linspace(0, 1, 513)
    return energies, np.array([np.interp(steps, s / s[-1], cosine) for s in sums]), sums[:, -1] / sums[-1, -1]


ENERGIES, COSINES, TOTALS = klein_nishina()
