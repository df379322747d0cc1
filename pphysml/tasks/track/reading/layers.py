"""The layers of a calorimeter, learnt from the positions of hits or taken from a geometry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....errors import ConfigError, InputError
from ....io.ragged import Array
from ..geometries.geometry import Floats, Geometry, SensorConfig, known_geometries, load_geometry

MAX_LAYERS = 200
GAP = 0.5
"""Distance between positions, mm, from which they belong to two layers."""
TOLERANCE = 0.25
"""How far a layer may be from where it is expected, mm."""
MISSING = 3
"""In front of the regular stack, a distance of up to so many pitches is one with layers left out."""
ENOUGH = 100
"""Hits from which the thickness of a sensor is measured."""
HINT = "describe the calorimeter with --geometry"


@dataclass(frozen=True)
class Layers:
    """The layers that a hit may lie in, numbered from the beam's side.

    Attributes:
        z: position of each layer, mm, rising, shape (L,); also of layers that no hit was seen in.
        reach: largest distance of a hit from its layer, mm.
        thickness: of a sensor, mm.
        geometry: of the same layers, if one is known; its z may be shifted against `z`.
    """

    z: Floats
    reach: float
    thickness: float
    geometry: Geometry | None = None

    def number(self, z: Array) -> Array:
        """Return the layer of each position, int16 (H,); -1 for none."""
        layer = self.nearest(z)
        return np.where(np.abs(z - self.z[layer]) <= self.reach, layer, -1).astype(np.int16)

    def nearest(self, z: Array) -> Array:
        """Return the layer that is nearest to each position, (H,)."""
        return np.searchsorted((self.z[1:] + self.z[:-1]) / 2, z)

    @property
    def depth(self) -> Floats:
        """Water-equivalent depth behind the phantom, mm, (L,); NaN if the materials are not known."""
        return np.full(len(self.z), np.nan) if self.geometry is None else self.geometry.depth

    @property
    def gap_lengths(self) -> Floats:
        """Radiation lengths between the layer before and each one, (L,); NaN if not known."""
        return np.full(len(self.z), np.nan) if self.geometry is None else self.geometry.radiation_lengths

    def facts(self) -> dict[str, Any]:
        """Return which calorimeter was taken, for a person."""
        return {"calorimeter": "layers learnt from the hits, of materials that are not known" if self.geometry is None else self.geometry.name}

    @property
    def pixel(self) -> tuple[float, float]:
        """Pitch of the pixels in x and y, mm; that of ALPIDE where the sensor is not known."""
        sensor = SensorConfig() if self.geometry is None else self.geometry.sensor
        return sensor.pixel[0], sensor.pixel[1]

    @classmethod
    def of(cls, geometry: Geometry) -> Layers:
        """Take the layers of a geometry as they are.

        Raises:
            ConfigError: it has one layer only, or more than `MAX_LAYERS`.
        """
        if not 2 <= len(geometry.z) <= MAX_LAYERS:
            raise ConfigError(f"Geometry {geometry.name!r}: has {len(geometry.z)} layers, but must have 2 to {MAX_LAYERS}.")
        thickness = geometry.sensor.thickness
        reach = min(thickness / 2 + TOLERANCE, 0.49 * np.diff(geometry.z).min())
        return cls(geometry.z, float(reach), thickness, geometry)


def learn_layers(z: Array, local_z: Array | None = None, branch: str = "z") -> Layers:
    """Learn layers from the positions of some hits along the beam.

    Positions that are close together are one layer. Where at least three distances are the same, the
    layers are a stack of that pitch: it goes on behind the last layer seen, and a layer that is
    missing in it keeps its number. Other distances, as of trackers in front, are one step each.
    If the layers are those of a known geometry, that is taken.

    Args:
        z: mm, (H,).
        local_z: positions inside the sensors, mm, (H,), by which their thickness is known.
        branch: what errors call `z`.

    Raises:
        InputError: the positions are not those of two or more layers.
    """
    ordered = np.sort(np.asarray(z, dtype=np.float64))
    cut = np.flatnonzero(np.diff(ordered) > GAP)
    low, high = ordered[np.concatenate([[0], cut + 1])], ordered[np.concatenate([cut, [-1]])]
    seen, spread = (low + high) / 2, high - low
    pitch = _pitch(np.diff(seen))
    reason = _no_layers(seen, spread, len(ordered), pitch)
    if reason:
        raise InputError(f"{reason}; {HINT}; if the beam runs along another axis, name that with --map {branch}=BRANCH", branch=branch)
    number, goes_on = _numbers(seen, pitch)
    return layers_at(number, seen, float(spread.max()), _thickness(local_z, spread, len(ordered)), goes_on)


def learn_numbered(number: Array, z: Array) -> Layers:
    """Learn where the layers are whose numbers are known.

    Args:
        number: layer of each hit, (H,).
        z: mm, (H,).

    Raises:
        InputError: there is one layer only, or positions do not rise with the numbers.
    """
    seen, row = np.unique(number, return_inverse=True)
    low, high = np.full(len(seen), np.inf), np.full(len(seen), -np.inf)
    np.minimum.at(low, row, z)
    np.maximum.at(high, row, z)
    if len(seen) < 2:
        raise InputError(f"all {len(z)} hits lie in one layer, but a track needs two", branch="hit_layer")
    if (low[1:] <= high[:-1]).any():
        first = int(np.argmax(low[1:] <= high[:-1]))
        raise InputError(f"layer {seen[first + 1]} begins at z = {low[first + 1]:.6g} mm, not behind layer "
                         f"{seen[first]}, which reaches to {high[first]:.6g} mm; layers must be numbered along the beam", branch="hit_layer")
    centre = (low + high) / 2
    goes_on = len(seen) > 3 and _regular_run(seen, centre) > 3
    return layers_at(seen, centre, float((high - low).max()), _thickness(None, high - low, len(z)), goes_on)


def layers_at(number: Array, seen: Floats, spread: float, thickness: float | None, goes_on: bool = False) -> Layers:
    """Return the layers of which some were seen, or the known geometry that has them.

    Args:
        number: rising, (K,) with K >= 2.
        seen: their positions, mm, (K,).
        spread: largest distance of two hits in one layer along the beam, mm.
        thickness: of a sensor as measured, mm, or None.
        goes_on: whether layers of the last distance follow.

    Raises:
        InputError: numbers reach to `MAX_LAYERS`.
    """
    if number[-1] >= MAX_LAYERS:
        raise InputError(f"the hits at {seen[-1]:.6g} mm are in layer {number[-1]}, but there may be no more than {MAX_LAYERS} layers; {HINT}")
    z = np.interp(np.arange(number[-1] + 1), number, seen)
    if number[0] > 0:
        step = (seen[1] - seen[0]) / (number[1] - number[0])
        z[: number[0]] = seen[0] - step * np.arange(number[0], 0, -1)
    if goes_on:
        last = np.arange(len(seen) - _regular_run(number, seen), len(seen))
        pitch = np.polyfit(number[last], seen[last], 1)[0]
        z = np.concatenate([z, z[-1] + pitch * np.arange(1, MAX_LAYERS - number[-1])])
    learnt = Layers(z, min(spread / 2 + TOLERANCE, 0.49 * float(np.diff(z).min())), thickness or SensorConfig().thickness)
    found = list(_matching(number, seen, thickness))
    if not found:
        return learnt
    layers = Layers.of(load_geometry(min(found)[1]))
    return replace(layers, z=layers.z + (seen[0] - layers.z[number[0]]), reach=max(layers.reach, learnt.reach))


def _matching(number: Array, seen: Floats, thickness: float | None) -> Iterator[tuple[float, str]]:
    """Yield the known geometries that have these layers, with the distance of the worst one."""
    if len(seen) < 3:
        return
    for name in known_geometries():
        geometry = load_geometry(name)
        if number[-1] >= len(geometry.z):
            continue
        off = np.abs((seen - seen[0]) - (geometry.z[number] - geometry.z[number[0]])).max()
        same = thickness is None or 0.8 < thickness / geometry.sensor.thickness < 1.25
        if off < TOLERANCE and same:
            yield round(float(off), 3), name


def _pitch(gaps: Floats) -> float | None:
    """Return the most frequent distance, the smallest if there are several; None if none is there thrice."""
    ordered = np.sort(gaps)
    start, stop = (np.searchsorted(ordered, ordered + sign * TOLERANCE / 2) for sign in (-1, 1))
    if not len(ordered) or (stop - start).max() < 3:
        return None
    best = int(np.argmax(stop - start))
    return float(np.median(ordered[start[best] : stop[best]]))


def _numbers(seen: Floats, pitch: float | None) -> tuple[Array, bool]:
    """Return the numbers of the layers seen, and whether the last ones are a regular stack."""
    gaps = np.diff(seen)
    if pitch is None:
        return np.arange(len(seen)), False
    multiple = np.maximum(np.rint(gaps / pitch).astype(np.int64), 1)
    regular = np.abs(gaps - multiple * pitch) < TOLERANCE
    inside = np.arange(len(gaps)) >= np.argmax(regular & (multiple == 1))
    regular &= inside | (multiple <= MISSING)
    steps = np.where(regular, multiple, 1)
    return np.concatenate([[0], np.cumsum(steps)]), bool(regular[-1])


def _regular_run(number: Array, seen: Floats) -> int:
    """Return how many of the last layers seen have the same distance per step as the last two."""
    distance = np.diff(seen) / np.diff(number)
    other = np.abs(distance - distance[-1]) > TOLERANCE / 2
    return len(seen) if not other.any() else len(distance) - int(np.flatnonzero(other)[-1])


def _thickness(local_z: Array | None, spread: Floats, hits: int) -> float | None:
    """Return the measured thickness of a sensor, mm; None where hits are too few or all in its middle."""
    if hits < ENOUGH:
        return None
    spreads = [] if local_z is None else [float(np.ptp(local_z))]
    # Local positions may be those of a larger volume; then the sensor's hits tell.
    return next((s for s in [*spreads, float(spread.max())] if 1e-3 < s < 1.0), None)


def _no_layers(seen: Floats, spread: Floats, hits: int, pitch: float | None) -> str:
    """Return why positions are not those of layers, or nothing."""
    widest = int(np.argmax(spread))
    if spread[widest] > 2.0 or (len(seen) > 1 and spread[widest] > np.diff(seen).min() / 2):
        return (f"hits lie everywhere between {seen[widest] - spread[widest] / 2:.6g} and "
                f"{seen[widest] + spread[widest] / 2:.6g} mm, not in thin layers that are well apart")
    if len(seen) == 1:
        return f"{'the only hit lies' if hits == 1 else f'all {hits} hits lie'} in one layer at {seen[0]:.6g} mm, but a track needs two"
    if len(seen) > MAX_LAYERS:
        return f"hits lie in {len(seen)} layers, more than {MAX_LAYERS}"
    if len(seen) > 10 and pitch is None and hits < 5 * len(seen):
        return f"{hits} hits lie at {len(seen)} positions without order, not in layers"
    return ""
