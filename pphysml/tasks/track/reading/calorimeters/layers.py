"""The layers of a calorimeter, learnt from where hits lie or taken from a geometry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....errors import ConfigError, InputError
from .....io.ragged import Array
from ...geometries.geometry import Floats, Geometry, SensorConfig
from .seen import Seen, few, usual

MAX_LAYERS = 200
TOLERANCE = 0.25
"""How far a layer may be from where it is expected, mm."""
MISSING = 3
"""In front of the regular stack, a distance of up to so many pitches is one with layers left out; so many behind a dead layer show that it is."""
FULL, ALIVE, NOISE = 0.1, 20, 0.02
"""Hits of a layer, as a share of the fullest one and at least, in front of which a layer is dead, and the share that this may have."""
SEVERAL = 3
"""Hits of the usual layer, from which on a single hit elsewhere is none."""
HINT = "describe the calorimeter with --geometry"


@dataclass(frozen=True)
class Layers:
    """The layers that a hit may lie in, numbered from the beam's side.

    Attributes:
        z: position of each layer, mm, rising, shape (L,); also of layers that no hit was seen in.
        reach: largest distance of a hit from its layer, mm.
        thickness: of a sensor, mm.
        geometry: of the same layers, if one is known; its z may be shifted against `z`.
        dead: numbers of layers that see nothing.
        front: positions of the planes of a front tracker, mm, rising, (K,); where hits of both are counted, plane k has the number L + k.
    """

    z: Floats
    reach: float
    thickness: float
    geometry: Geometry | None = None
    dead: tuple[int, ...] = ()
    front: Floats = field(default_factory=lambda: np.zeros(0))

    def number(self, z: Array) -> Array:
        """Return the layer of each position, int16 (H,); -1 for none."""
        layer = self.nearest(z)
        return np.where(np.abs(z - self.z[layer]) <= self.reach, layer, -1).astype(np.int16)

    def numbered(self, number: Array, z: Array) -> Array:
        """Return numbers of layers with those of the planes in front, where these positions are in one, int16 (H,)."""
        if not len(self.front):
            return number
        plane = _nearest(self.front, z)
        inside = np.abs(z - self.front[plane]) <= _reach(self.front, self.thickness)
        return np.where(inside, len(self.z) + plane, number).astype(np.int16)

    @property
    def places(self) -> Floats:
        """Positions of the layers, and of the planes in front behind them, mm, (L + K,)."""
        return np.concatenate([self.z, self.front])

    @property
    def wet_in_front(self) -> float:
        """Water-equivalent thickness of the planes in front, mm."""
        front = None if self.geometry is None else self.geometry.front
        return 0.0 if front is None else len(front.z) * front.wet

    def without_dead(self, z: Array, particle: Array | None = None) -> Layers:
        """Return the same, knowing which layers are dead by hits at some positions, mm; see `without_dead_of`."""
        return self.without_dead_of(self.number(z), particle)

    def without_dead_of(self, number: Array, particle: Array | None = None) -> Layers:
        """Return the same, knowing which layers are dead by the layers of some hits: they have hardly any, and layers behind them have many.

        Args:
            number: of the layer of each hit, (H,); -1 for none.
            particle: number of the particle that made each hit, (H,), if that is known. Then a few particles behind a
                layer show that it is dead where nearly all stop, since one particle cannot make them look many.
        """
        inside = (number >= 0) & (number < len(self.z))
        hits = np.bincount(number[inside], minlength=len(self.z))
        full = np.flatnonzero(hits >= max(FULL * hits.max(), ALIVE))
        dead = hits <= NOISE * hits.max()
        dead[full.max(initial=0) :] = False
        if particle is not None:
            dead |= _passed_over(number[inside], particle[inside], len(self.z))
        return replace(self, dead=tuple(map(int, np.flatnonzero(dead))))

    def checked(self, number: Array, z: Array) -> Array:
        """Return numbers of layers with -1 in the place of those that are not at these positions, int16 (H,)."""
        inside = number < len(self.z)
        inside &= np.abs(z - self.z[np.where(inside, number, 0)]) <= self.reach
        return np.where(inside, number, -1).astype(np.int16)

    def nearest(self, z: Array) -> Array:
        """Return the layer that is nearest to each position, (H,)."""
        return _nearest(self.z, z)

    @property
    def depth(self) -> Floats:
        """Water-equivalent depth behind the phantom, mm, (L,); NaN if the materials are not known."""
        return np.full(len(self.z), np.nan) if self.geometry is None else self.geometry.depth

    @property
    def gap_lengths(self) -> Floats:
        """Radiation lengths between the layer before and each one, (L,); NaN if not known."""
        return np.full(len(self.z), np.nan) if self.geometry is None else self.geometry.radiation_lengths

    @property
    def pixel(self) -> tuple[float, float]:
        """Pitch of the pixels in x and y, mm; that of ALPIDE where the sensor is not known."""
        sensor = SensorConfig() if self.geometry is None else self.geometry.sensor
        return sensor.pixel[0], sensor.pixel[1]

    def facts(self) -> dict[str, Any]:
        """Return which calorimeter was given, for a person."""
        return {} if self.geometry is None else {"calorimeter": f"{self.geometry.name}, as given{self.dead_text}", **self.front_facts}

    @property
    def front_facts(self) -> dict[str, Any]:
        """The front tracker, for a person; nothing where there is none."""
        if not len(self.front):
            return {}
        return {"front_tracker": f"planes at {', '.join(f'{z:g}' for z in self.front)} mm, {self.wet_in_front:.3g} mm of water, which WEPL leaves out"}

    @property
    def dead_text(self) -> str:
        """Which layers are dead, behind the calorimeter's name; nothing if none are."""
        return f"; dead: layer {', '.join(map(str, self.dead))}" if self.dead else ""

    @classmethod
    def of(cls, geometry: Geometry, shift: float = 0.0) -> Layers:
        """Take the layers of a geometry, shifted along the beam, mm.

        Raises:
            ConfigError: it has one layer only, or more than `MAX_LAYERS`.
        """
        if not 2 <= len(geometry.z) <= MAX_LAYERS:
            raise ConfigError(f"Geometry {geometry.name!r}: has {len(geometry.z)} layers, but must have 2 to {MAX_LAYERS}.")
        thickness = geometry.sensor.thickness
        front = np.zeros(0) if geometry.front is None else geometry.front.z
        return cls(geometry.z + shift, _reach(geometry.z, thickness), thickness, geometry, front=front + shift)


def _nearest(layers: Floats, z: Array) -> Array:
    return np.searchsorted((layers[1:] + layers[:-1]) / 2, z)


def _reach(layers: Floats, thickness: float) -> float:
    """Return the largest distance of a hit from its layer, mm."""
    return float(min(thickness / 2 + TOLERANCE, 0.49 * np.diff(layers).min()))


def _passed_over(number: Array, particle: Array, layers: int) -> NDArray[np.bool_]:
    """Return which layers hardly any particles hit of those that hit one close behind, bool (L,)."""
    of_layer = np.unique(np.stack([number, particle]), axis=1)[0].astype(np.int64)
    hits = np.bincount(of_layer, minlength=layers)
    behind = np.max([np.append(hits[step:], np.zeros(min(step, layers), dtype=np.int64)) for step in range(1, MISSING + 1)], axis=0)
    passed: NDArray[np.bool_] = (behind >= ALIVE) & (hits <= FULL * behind)
    return passed


def learn_layers(seen: Seen, branch: str = "z") -> Layers:
    """Learn layers from those that are seen.

    Where at least three distances are the same, the layers are a stack of that pitch: it goes on behind
    the last layer seen, and a layer that is missing in it keeps its number. Other distances, as of
    trackers in front, are one step each.

    Args:
        branch: what errors call the positions.

    Raises:
        InputError: the positions are not those of two or more layers.
    """
    pitch = _pitch(np.diff(seen.z))
    seen = seen.only(~_strays(seen, pitch))
    reason = _no_layers(seen, pitch)
    if reason:
        raise InputError(f"{reason}; {HINT}, or the direction of the beam with --beam-axis", branch=branch)
    number, goes_on = _numbers(seen.z, pitch)
    return layers_at(number, seen, goes_on)


def learn_numbered(number: Array, z: Array) -> tuple[Array, Seen]:
    """Return the layers that hits with numbers show: these numbers, and where they are.

    Args:
        number: layer of each hit, (H,).
        z: mm, (H,).

    Raises:
        InputError: there is one layer only, or positions do not rise with the numbers.
    """
    numbers, row, hits = np.unique(number, return_inverse=True, return_counts=True)
    if len(numbers) < 2:
        raise InputError(f"all {len(z)} hits lie in one layer, but a track needs two", branch="hit_layer")
    order = np.lexsort((z, row))
    first, kept = np.cumsum(hits) - hits, hits > few(hits)
    numbers, hits, first = numbers[kept], hits[kept], first[kept]
    # Of each layer the inner half, since some hits may lie anywhere.
    low, centre, high = (z[order[first + ((hits - 1) * share).astype(np.int64)]] for share in (0.25, 0.5, 0.75))
    if (low[1:] <= high[:-1]).any():
        at = int(np.argmax(low[1:] <= high[:-1]))
        raise InputError(f"layer {numbers[at + 1]} begins at z = {low[at + 1]:.6g} mm, not behind layer "
                         f"{numbers[at]}, which reaches to {high[at]:.6g} mm; layers must be numbered along the beam, whose direction "
                         "--beam-axis states", branch="hit_layer")
    return numbers, Seen(centre, 2 * (high - low), hits, len(z) - int(hits.sum()), usual(hits), None)


def numbered_layers(number: Array, seen: Seen) -> Layers:
    """Return the layers of which some are seen, with their numbers, (K,)."""
    return layers_at(number, seen, len(number) > 3 and _regular_run(number, seen.z) > 3)


def layers_at(number: Array, seen: Seen, goes_on: bool = False) -> Layers:
    """Return the layers of which some were seen.

    Args:
        number: rising, (K,) with K >= 2.
        seen: the same layers.
        goes_on: whether layers of the last distance follow.

    Raises:
        InputError: numbers reach to `MAX_LAYERS`.
    """
    if number[-1] >= MAX_LAYERS:
        raise InputError(f"the hits at {seen.z[-1]:.6g} mm are in layer {number[-1]}, but there may be no more than {MAX_LAYERS} layers; {HINT}")
    z = np.interp(np.arange(number[-1] + 1), number, seen.z)
    if number[0] > 0:
        step = (seen.z[1] - seen.z[0]) / (number[1] - number[0])
        z[: number[0]] = seen.z[0] - step * np.arange(number[0], 0, -1)
    if goes_on:
        last = np.arange(len(seen.z) - _regular_run(number, seen.z), len(seen.z))
        pitch = np.polyfit(number[last], seen.z[last], 1)[0]
        z = np.concatenate([z, z[-1] + pitch * np.arange(1, MAX_LAYERS - number[-1])])
    return Layers(z, min(float(seen.spread.max()) / 2 + TOLERANCE, 0.49 * float(np.diff(z).min())), seen.thickness or SensorConfig().thickness)


def _pitch(gaps: Floats) -> float | None:
    """Return the most frequent distance, the smallest if there are several; None if none is there thrice."""
    ordered = np.sort(gaps)
    start, stop = (np.searchsorted(ordered, ordered + sign * TOLERANCE / 2) for sign in (-1, 1))
    if not len(ordered) or (stop - start).max() < 3:
        return None
    best = int(np.argmax(stop - start))
    return float(np.median(ordered[start[best] : stop[best]]))


def _strays(seen: Seen, pitch: float | None) -> NDArray[np.bool_]:
    """Return which are no layers: single hits where others have several, unless they lie where the stack goes on."""
    alone: NDArray[np.bool_] = (seen.hits == 1) & (seen.usual >= SEVERAL)
    solid = seen.z[~alone]
    if pitch is None or len(solid) < 2:
        return alone
    begins = solid[int(np.argmax(np.abs(np.diff(solid) - pitch) < TOLERANCE))]
    steps = (seen.z - begins) / pitch
    strays: NDArray[np.bool_] = alone & ((seen.z < begins) | (np.abs(steps - np.rint(steps)) * pitch > TOLERANCE))
    return strays


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


def _no_layers(seen: Seen, pitch: float | None) -> str:
    """Return why what is seen is no layers, or nothing."""
    widest, z, spread, hits = int(np.argmax(seen.spread)), seen.z, seen.spread, int(seen.hits.sum())
    if spread[widest] > 2.0 or (len(z) > 1 and spread[widest] > np.diff(z).min() / 2):
        return (f"hits lie everywhere between {z[widest] - spread[widest] / 2:.6g} and "
                f"{z[widest] + spread[widest] / 2:.6g} mm, not in thin layers that are well apart")
    if len(z) == 1:
        return f"{'the only hit lies' if hits == 1 else f'all {hits} hits lie'} in one layer at {z[0]:.6g} mm, but a track needs two"
    if len(z) > MAX_LAYERS:
        return f"hits lie in {len(z)} layers, more than {MAX_LAYERS}"
    if len(z) > 10 and pitch is None and hits < 5 * len(z):
        return f"{hits} hits lie at {len(z)} positions without order, not in layers"
    return ""
