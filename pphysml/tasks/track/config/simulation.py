"""Options of the simulation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Limits

from ....config import Config, option


class SimulationConfig(Config):
    """Particles through a phantom into the calorimeter."""

    geometry: str = option("dtc", "Calorimeter: a name of `pphysml/tasks/track/geometries`, or a YAML file.")
    phantoms: list[Annotated[float, Limits(ge=0)]] = option(list, "Thicknesses of water, drawn for every frame; empty takes that of the geometry.", "mm")
    further_geometries: dict[str, list[Annotated[float, Limits(ge=0)]]] = option(dict, "Further calorimeters, with the phantoms of each (mm; empty takes the geometry's own): blocks of frames for training take turns with `geometry`.")
    inelastic: bool = option(True, "Nuclear interactions: the primary ends, secondaries go on.")
    inefficiency: float = option(0.001, "Probability that a sensor does not see a particle.", "", ge=0, lt=1)
    noise: float = option(0.05, "Mean number of noise hits in each layer of a frame of 100 particles.", "", ge=0)
    resolution: float = option(0.005, "Gaussian error of a hit's position in x and y.", "mm", ge=0)
