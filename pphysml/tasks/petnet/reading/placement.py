"""Where a scanner stands: its axis, middle and radius, found in the places of its singles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns, Ragged, concatenate, ragged
from .first_singles import FirstSingles

AXES = "xyz"

ROUNDER = 0.5
"""A scanner is taken to lie along another axis than z if places are so much nearer to a circle around it."""

ROUND = 0.15
"""And if their distances from it differ by less than this, over their mean."""

OFF = 0.02
"""A middle nearer to the origin than this, over the radius or the length, is taken to be there."""

ENOUGH = 100_000
"""Singles that are looked at."""

FEWEST = 100
"""Singles from which a middle is found."""


@dataclass(frozen=True)
class Placement:
    """The axis of a scanner, 0 for x, 1 for y, 2 for z; its middle, radius, and ends along the axis from there, mm."""

    axis: int = 2
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius: float = 0.0
    ends: tuple[float, float] = (0.0, 0.0)

    @property
    def usual(self) -> bool:
        """Whether the scanner stands at the origin and along z."""
        return self.axis == 2 and not any(self.centre)

    def placed(self, examples: Columns) -> Columns:
        """Return singles as a scanner at the origin and along z would see them."""
        if self.usual:
            return examples
        # Turning the names round keeps right-handed coordinates so.
        turned = AXES[self.axis + 1 :] + AXES[: self.axis + 1]
        found = dict(examples)
        for name, of in zip(AXES, turned, strict=True):
            column = ragged(examples, of)
            found[name] = Ragged(column.flat - column.flat.dtype.type(self.centre[AXES.index(of)]), column.offsets)
        return found

    def points(self, place: Array) -> Array:
        """Return places, mm, (n, 3), as a scanner at the origin and along z would have them."""
        return np.roll(place - np.array(self.centre), 2 - self.axis, axis=1)

    def __str__(self) -> str:
        """Say it in words."""
        middle = ", ".join(f"{value:.4g}" for value in self.centre)
        return f"axis {AXES[self.axis]}, middle at ({middle}) mm, radius {self.radius:.4g} mm, {self.ends[0]:.4g} to {self.ends[1]:.4g} mm along the axis from there"


def stated(axis: str = "auto", centre: Sequence[float] | None = None) -> Placement:
    """Return where the scanner is stated to stand; at the origin and along z what is not."""
    return Placement(AXES.index(axis) if axis != "auto" else 2, _point(centre))


def placement_of(examples: Columns, axis: str = "auto", centre: Sequence[float] | None = None) -> Placement:
    """Find where the scanner stands whose singles these are.

    The axis is that around which places are nearest to a circle, z in doubt, as with flat panels; the middle is that of the
    circle (I. Kasa, IEEE Trans. Instrum. Meas. 25 (1976) 8), and of the places along the axis.

    Args:
        axis: x, y or z if it is known, or auto.
        centre: the middle if it is known, mm.
    """
    return placement_at(np.stack([ragged(examples, name).flat for name in AXES]).astype(np.float64), axis, centre)


def placement_at(place: Array, axis: str = "auto", centre: Sequence[float] | None = None) -> Placement:
    """Find where the scanner stands that has singles at these places, (3, n), mm; see `placement_of`."""
    if place.shape[1] < FEWEST:
        return stated(axis, centre)
    circles = [_circle(np.roll(place, 2 - number, axis=0)[:2]) for number in range(3)]
    number = _roundest([of[3] for of in circles]) if axis == "auto" else AXES.index(axis)
    along, (a, b, radius, _) = place[number], circles[number]
    low, high = float(along.min()), float(along.max())
    found = np.zeros(3)
    if np.hypot(a, b) > OFF * radius:
        found[[(number + 1) % 3, (number + 2) % 3]] = a, b
    if abs(low + high) / 2 > OFF * max(high - low, 1e-9):
        found[number] = (low + high) / 2
    middle = _point(centre) if centre is not None else (float(found[0]), float(found[1]), float(found[2]))
    return Placement(number, middle, radius, (low - middle[number], high - middle[number]))


def _point(values: Sequence[float] | None) -> tuple[float, float, float]:
    return (0.0, 0.0, 0.0) if values is None else (float(values[0]), float(values[1]), float(values[2]))


def _roundest(spread: Sequence[float]) -> int:
    best = int(np.argmin(spread))
    return best if spread[best] < ROUNDER * spread[2] and spread[best] < ROUND else 2


def _circle(points: Array) -> tuple[float, float, float, float]:
    """Return middle and radius of the circle nearest to points (2, n), and by how much their distances differ, over the radius."""
    scale = max(float(np.abs(points).max()), 1e-9)
    x, y = points / scale
    rows = np.stack([x, y, np.ones_like(x)], 1)
    (a, b, _), *_ = np.linalg.lstsq(rows.T @ rows, rows.T @ (x**2 + y**2), rcond=None)
    a, b = a / 2, b / 2
    distance = np.hypot(x - a, y - b)
    radius = float(np.median(distance))
    return float(a * scale), float(b * scale), radius * scale, float(distance.std() / max(radius, 1e-9))


class PlacementSurvey:
    """Finds where the scanner stands from the first singles, however they come.

    Args:
        axis, centre: see `placement_of`.
    """

    def __init__(self, axis: str = "auto", centre: Sequence[float] | None = None) -> None:
        self.axis, self.centre = axis, centre
        self._first = FirstSingles(ENOUGH)
        self._slices: list[Columns] = []
        self._found: Placement | None = Placement()

    @property
    def wanted(self) -> bool:
        """Whether further singles would be looked at."""
        return self._first.wanted

    def add(self, examples: Columns) -> None:
        """Take slices."""
        if self._first.wanted:
            slices = self._first.of(examples)
            self._slices.append({name: slices[name] for name in AXES})
            self._found = None

    def placement(self) -> Placement:
        """Return what was found."""
        if self._found is None:
            self._found = placement_of(concatenate(self._slices), self.axis, self.centre)
        return self._found
