"""Options of the simulation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Limits
from pydantic import model_validator

from ....config import Config, option
from ....physics.materials import MaterialName

Range = Annotated[list[Annotated[float, Limits(ge=0)]], Limits(min_length=2, max_length=2)]
"""Lowest and highest value, evenly drawn."""


class DrawnGeometriesConfig(Config):
    """Calorimeters of which every block draws its own, with beam and phantom; lists of two are the lowest and the highest value."""

    share: float = option(0.0, "Share of the blocks of frames for training that draw a calorimeter; the others take turns with the given ones.", "", ge=0, le=1)
    materials: list[MaterialName] = option(lambda: ["aluminium", "aluminium", "tungsten", "tungsten", "graphite", "pmma", "polyethylene", "polycarbonate"], "Materials of the absorbers; a name that is there twice is drawn twice as often.", min_length=1)
    absorber: Range = option(lambda: [1.0, 6.0], "Thickness of the absorbers.", "mm")
    gap: Range = option(lambda: [1.0, 4.0], "Pitch of the stack less the absorber.", "mm")
    support_wet: Range = option(lambda: [0.1, 1.0], "Water-equivalent thickness of what carries a sensor; its radiation lengths are a 300th of that.", "mm")
    trackers: Annotated[list[Annotated[int, Limits(ge=0, le=2)]], Limits(min_length=1)] = option(lambda: [0, 1, 2], "Numbers of sensors in front without absorbers.")
    tracker_distance: Range = option(lambda: [10.0, 55.0], "Distance of a tracker from the next sensor.", "mm")
    sensor: Range = option(lambda: [0.025, 0.5], "Thickness of the sensors, evenly drawn in its logarithm.", "mm")
    pixel: Range = option(lambda: [0.02, 0.05], "Pitch of the pixels, in x and in y.", "mm")
    turns_at_sensors: float = option(0.25, "Share of the calorimeters in which particles turn at the sensors only (lateral_displacement: false).", "", ge=0, le=1)
    electrons: float = option(0.5, "Share of the calorimeters in which electrons have hits of their own (electrons: true).", "", ge=0, le=1)
    energy: Range = option(lambda: [70.0, 250.0], "Energy of protons; helium has the range of such a proton.", "MeV")
    energy_spread: Range = option(lambda: [0.0, 0.005], "Width of the energy over the energy.")
    helium: float = option(0.15, "Share of beams of helium.", "", ge=0, le=1)
    sigma: Range = option(lambda: [2.0, 10.0], "Width of the beam spot.", "mm")
    phantom: Range = option(lambda: [0.0, 0.8], "Thickness of the phantom over the range of the beam.")
    distance: Range = option(lambda: [0.0, 200.0], "Air between the phantom and the first sensor.", "mm")
    hit_layers: Annotated[list[Annotated[int, Limits(ge=2, le=199)]], Limits(min_length=2, max_length=2)] = option(lambda: [5, 100], "Layers that particles reach; geometries of fewer or more are drawn again.")

    @model_validator(mode="after")
    def _rising(self) -> DrawnGeometriesConfig:
        for name, low, high in ((name, *values) for name, values in self if name not in ("materials", "trackers") and isinstance(values, list)):
            if low > high:
                raise ValueError(f"{name}: the first value must not be above the second")
        for name in ("absorber", "gap", "sensor", "pixel", "energy", "tracker_distance"):
            if dict(self)[name][0] <= 0:
                raise ValueError(f"{name}: must be above 0")
        if self.phantom[1] >= 1:
            raise ValueError("phantom: must be below 1, as the beam does not leave it else")
        return self


class SimulationConfig(Config):
    """Particles through a phantom into the calorimeter."""

    geometry: str = option("dtc", "Calorimeter: a name of `pphysml/tasks/track/geometries`, or a YAML file.")
    phantoms: list[Annotated[float, Limits(ge=0)]] = option(list, "Thicknesses of water, drawn for every frame; empty takes that of the geometry.", "mm")
    further_geometries: dict[str, list[Annotated[float, Limits(ge=0)]]] = option(dict, "Further calorimeters, with the phantoms of each (mm; empty takes the geometry's own): blocks of frames for training take turns with `geometry`.")
    drawn_geometries: DrawnGeometriesConfig = option(DrawnGeometriesConfig, "Calorimeters that are drawn for the training.")
    hidden_materials: float = option(0.0, "Share of the blocks of frames for training whose materials the network is not shown, as those of a calorimeter that is not recognised.", "", ge=0, le=1)
    counted_pixels: float = option(0.0, "Share of the blocks of frames for training whose energies follow from the sizes of clusters, as of pixels that say yes or no.", "", ge=0, le=1)
    inelastic: bool = option(True, "Nuclear interactions: the primary ends, secondaries go on.")
    inefficiency: float = option(0.001, "Probability that a sensor does not see a particle.", "", ge=0, lt=1)
    noise: float = option(0.05, "Mean number of noise hits in each layer of a frame of 100 particles.", "", ge=0)
    resolution: float = option(0.005, "Gaussian error of a hit's position in x and y.", "mm", ge=0)
