"""A layered calorimeter: where its sensors are, and what a particle crosses between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Limits
from pydantic import model_validator

from .... import named_yaml
from ....config import Config, build, option
from ....errors import ConfigError
from ....physics.materials import MATERIALS, MaterialName
from .front_tracker import FrontTracker, FrontTrackerConfig
from .volume_ids import VolumeRule

Floats = NDArray[np.float64]
Positive = Annotated[float, Limits(gt=0, allow_inf_nan=False)]


class AbsorberConfig(Config):
    """What a particle crosses between two sensors: a plate, the sensor before it and what carries that, and air."""

    material: MaterialName = option(..., "Material of the plate.")
    thickness: float = option(0.0, "Its thickness.", "mm", ge=0)
    density: float | None = option(None, "Its density; null takes the usual one.", "g/cm3", gt=0)
    support_wet: float = option(0.6, "Water-equivalent thickness of what carries a sensor, and of its part that does not measure.", "mm", ge=0)
    support_radiation_lengths: float = option(0.002, "The same in radiation lengths.", "", ge=0)


class LayerGroup(Config):
    """Layers that follow one another at equal distances."""

    first_z: float = option(0.0, "Position of the first layer's sensor along the beam.", "mm")
    pitch: float = option(1.0, "Distance between the sensors.", "mm", gt=0)
    count: int = option(1, "Number of layers.", ge=1, le=1000)
    wet: Positive | list[Positive] | None = option(None, "Water-equivalent thickness in front of each sensor, from the one before it (of the first sensor: from the phantom's end); one value, or one per layer; null where `absorber` says it.", "mm")
    radiation_lengths: Positive | list[Positive] | None = option(None, "The same in radiation lengths.")
    absorber: AbsorberConfig | None = option(None, "What is in front of each sensor, instead of both.")

    @model_validator(mode="after")
    def _materials_once(self) -> LayerGroup:
        given = [self.wet is not None, self.radiation_lengths is not None]
        if any(given) if self.absorber else not all(given):
            raise ValueError("give either wet and radiation_lengths, or absorber in their place")
        return self


class SensorConfig(Config):
    """The sensor of a layer."""

    thickness: float = option(0.025, "Thickness in which energy is measured.", "mm", gt=0)
    size: list[Positive] = option(lambda: [270.8, 166.3], "Width in x and height in y.", "mm", min_length=2, max_length=2)
    pixel: list[Positive] = option(lambda: [0.02938, 0.02707], "Pixel pitch in x and y.", "mm", min_length=2, max_length=2)


class BeamConfig(Config):
    """The beam in front of the phantom."""

    particle: Literal["proton", "helium"] = option("proton", "What is accelerated.")
    energy: float = option(..., "Kinetic energy of a particle.", "MeV", gt=0)
    energy_spread: float = option(0.0, "Gaussian width of the energy.", "MeV", ge=0)
    sigma: float = option(3.0, "Gaussian width of the beam spot in x and y.", "mm", ge=0)
    divergence: float = option(0.0, "Gaussian width of the angles in x and y.", "rad", ge=0)


class PhantomConfig(Config):
    """A slab of water between beam and calorimeter."""

    thickness: float = option(100.0, "Thickness of the water.", "mm", ge=0)
    distance: float = option(100.0, "Air between the phantom and the first sensor.", "mm", ge=0)


class GeometryConfig(Config):
    """The YAML file that describes a calorimeter."""

    name: str = option("unnamed", "What reports call it.")
    layers: list[LayerGroup] = option(..., "Groups of layers along the beam.", min_length=1, max_length=1000)
    sensor: SensorConfig = option(SensorConfig, "The sensors.")
    beam: BeamConfig = option(..., "The beam.")
    phantom: PhantomConfig = option(PhantomConfig, "The phantom.")
    front_tracker: FrontTrackerConfig | None = option(None, "Sensors in front of the phantom; null if there are none.")
    lateral_displacement: bool = option(True, "Whether a simulated particle shifts sideways inside a material as it scatters there; false turns it at the end of each step only, the next sensor or 50 mm of phantom, as Geant4 does where steps end at a boundary.")
    electrons: bool = option(False, "Whether electrons that a simulated particle knocks further than a pixel have hits of their own, as in Geant4 with low production cuts in the sensors; false leaves their energy in the particle's hit.")
    volume_ids: list[list[VolumeRule]] = option(list, "Ways in which programs number the layers, each a list of rules, by which layers are recognised of which some are dead.")


@dataclass(frozen=True)
class Geometry:
    """A calorimeter of L layers along z.

    Attributes:
        z: position of each sensor, mm, rising, shape (L,).
        wet: water-equivalent thickness in front of each sensor from the one before it (from the
            phantom's end for the first), mm, shape (L,); NaN where it is not known.
        radiation_lengths: the same in radiation lengths, shape (L,); NaN where it is not known.
        sensor, beam, phantom, lateral_displacement, electrons, volume_ids: as in the YAML file.
        materials: name of the absorber in front of each sensor, None where there is but its thickness; may be empty.
        front: sensors in front of the phantom, whose layers are none of the L.
    """

    name: str
    z: Floats
    wet: Floats
    radiation_lengths: Floats
    sensor: SensorConfig
    beam: BeamConfig
    phantom: PhantomConfig
    lateral_displacement: bool = True
    materials: tuple[MaterialName | None, ...] = ()
    electrons: bool = False
    volume_ids: tuple[list[VolumeRule], ...] = ()
    front: FrontTracker | None = None

    @property
    def depth(self) -> Floats:
        """Water-equivalent depth of each sensor behind the phantom, mm, shape (L,)."""
        depth: Floats = np.cumsum(self.wet)
        return depth

    @classmethod
    def of(cls, config: GeometryConfig) -> Geometry:
        """Build from what the YAML file says.

        Raises:
            ConfigError: sensors do not follow one another, or a list has not one value per layer.
        """
        z = np.concatenate([group.first_z + group.pitch * np.arange(group.count) for group in config.layers])
        if (np.diff(z) <= 0).any():
            raise ConfigError(f"Geometry {config.name!r}: the sensors must follow one another along z.")
        gaps = np.diff(z, prepend=z[0] - config.phantom.distance)
        firsts = np.cumsum([0] + [group.count for group in config.layers])
        crossed = [_crossed(group, gaps[first : first + group.count], first == 0, config)
                   for group, first in zip(config.layers, firsts[:-1], strict=True)]
        wet, lengths = (np.concatenate(values) for values in zip(*crossed, strict=True))
        front = None if config.front_tracker is None else FrontTracker.of(config.front_tracker, config.sensor.thickness, float(z[0]))
        names = [group.absorber.material if group.absorber else None for group in config.layers for _ in range(group.count)]
        return cls(config.name, z, wet, lengths, config.sensor, config.beam, config.phantom, config.lateral_displacement, tuple(names), config.electrons, tuple(config.volume_ids), front)


def known_geometries() -> list[str]:
    """Return the names of the geometries in the package."""
    return named_yaml.names(__package__)


def load_geometry(source: str) -> Geometry:
    """Return a geometry by name, or from a YAML file.

    Raises:
        ConfigError: there is no such file or name, or it is not a geometry.
    """
    values = named_yaml.settings(__package__, source, "geometry", "name, layers, sensor, beam, phantom, front_tracker")
    config = build(GeometryConfig, values, source)
    try:
        return Geometry.of(config)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None


def _crossed(group: LayerGroup, gaps: Floats, first: bool, config: GeometryConfig) -> tuple[Floats, Floats]:
    """Return water-equivalent thickness and radiation lengths in front of each sensor of a group.

    Args:
        gaps: distances to the sensors before, of the first sensor of all to the phantom, mm.
        first: whether the first sensor of all is in the group, in front of which there is no other.
    """
    if group.absorber is None:
        return (_per_layer(group.wet, group.count, config.name, "wet"),
                _per_layer(group.radiation_lengths, group.count, config.name, "radiation_lengths"))
    plate, air, silicon = MATERIALS[group.absorber.material], MATERIALS["air"], MATERIALS["silicon"]
    thickness = group.absorber.thickness
    dense = 1.0 if group.absorber.density is None else group.absorber.density / plate.density
    behind = np.ones(group.count)
    behind[0] = not first
    sensor = config.sensor.thickness * behind
    rest = gaps - thickness - sensor
    if (rest < -1e-9).any():
        raise ConfigError(f"Geometry {config.name!r}: {thickness:g} mm of absorber and the sensors find no room in the {gaps.min():g} mm in front of a sensor.")
    wet = (dense * thickness * plate.relative_stopping_power + sensor * silicon.relative_stopping_power
           + rest * air.relative_stopping_power + behind * group.absorber.support_wet)
    lengths = (dense * thickness / plate.radiation_length + sensor / silicon.radiation_length + rest / air.radiation_length
               + behind * group.absorber.support_radiation_lengths)
    return wet, lengths


def _per_layer(value: float | list[float] | None, count: int, name: str, key: str) -> Floats:
    if isinstance(value, list) and len(value) != count:
        raise ConfigError(f"Geometry {name!r}: {key} has {len(value)} values for {count} layers.")
    return np.broadcast_to(np.asarray(value, dtype=np.float64), count).copy()
