"""Sensors in front of the object, which show where each particle comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from ....config import Config, option
from ....errors import ConfigError
from ....physics.materials import MATERIALS

FEWEST, MOST = 2, 20


class FrontTrackerConfig(Config):
    """Planes of sensors in front of the object, like those of the calorimeter."""

    layers: list[float] = option(..., "Positions of the planes along the beam.", "mm")
    support_wet: float = option(0.6, "Water-equivalent thickness of what carries a sensor, and of its part that does not measure.", "mm", ge=0)
    support_radiation_lengths: float = option(0.002, "The same in radiation lengths.", "", ge=0)

    @field_validator("layers")
    @classmethod
    def _show_a_direction(cls, layers: list[float]) -> list[float]:
        if not FEWEST <= len(layers) <= MOST:
            raise ValueError(f"must have {FEWEST} to {MOST} planes, as one alone shows no direction: list the position of each along the beam, as [-250, -200]")
        if not (np.diff(layers) > 0).all():
            raise ValueError("the planes must follow one another along the beam")
        return layers


@dataclass(frozen=True)
class FrontTracker:
    """K planes in front of the object.

    Attributes:
        z: position of each, mm, rising, (K,).
        wet: water-equivalent thickness of a plane, mm.
        radiation_lengths: of a plane.
    """

    z: NDArray[np.float64]
    wet: float
    radiation_lengths: float

    @classmethod
    def of(cls, config: FrontTrackerConfig, thickness: float, behind: float) -> FrontTracker:
        """Return the planes in front of a calorimeter.

        Args:
            thickness: of a sensor, mm.
            behind: position of the calorimeter's first sensor, mm.

        Raises:
            ConfigError: a plane is not in front of that.
        """
        z = np.array(config.layers, dtype=np.float64)
        if z[-1] >= behind:
            raise ConfigError(f"front_tracker.layers: the plane at {z[-1]:g} mm is not in front of the calorimeter, which begins at {behind:g} mm; "
                              "sensors behind the object belong to layers.")
        silicon = MATERIALS["silicon"]
        return cls(z, thickness * silicon.relative_stopping_power + config.support_wet, thickness / silicon.radiation_length + config.support_radiation_lengths)
