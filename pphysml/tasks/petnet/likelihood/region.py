"""Where the activity and its lines lie, as the tables and the refining network see them."""

from __future__ import annotations

from dataclasses import dataclass

from ....io.ragged import Array
from .line_kernel import Grid

REACH = 0.7
"""Radius of the image over that of the scanner; lines between neighbouring crystals pass outside."""


@dataclass(frozen=True)
class Region:
    """The image's grid, and what quantities of pairs are measured from.

    Attributes:
        grid: voxels of the image.
        centre: middle of the activity in x and y, mm, (2,).
        reach: distances of lines and of places by time of flight, mm, and which share of the bins of tables is nearer, (2, 2, k); see `tables.reach_of`.
        energy_range: ends of the bins of energy, MeV.
        window: largest time difference, ps.
    """

    grid: Grid
    centre: Array
    reach: Array
    energy_range: tuple[float, float]
    window: float

    @property
    def scanner_radius(self) -> float:
        """Distance of the crystals from the axis, mm."""
        return self.grid.radius / REACH
