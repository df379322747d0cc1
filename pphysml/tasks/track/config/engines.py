"""Options of the engines without weights."""

from __future__ import annotations

from typing import Literal

from ....config import Config, option


class FollowerConfig(Config):
    """The classical engine `follower`: seeds in two layers, continued where they bend least (Pettersen et al.)."""

    max_scatter: float = option(40.0, "Largest deflection in a layer, in widths of multiple scattering; a hit there gains a track nothing.", "", gt=0)
    max_angle: float = option(0.6, "Largest deflection in any case.", "rad", gt=0, lt=1.5)
    seed_angle: float = option(0.3, "Largest angle of a seed to the direction that is expected at its position.", "rad", gt=0, lt=1.5)
    tail: float = option(3.0, "Degrees of freedom of Student's distribution of the deflections; large for a Gaussian.", "", gt=0)
    energy_weight: float = option(0.8, "Weight of the squared fall of the energy loss's logarithm from hit to hit.", "", ge=0)
    missing_layers: int = option(1, "Layers that a link may leave out.", ge=0, le=2)
    missing_cost: float = option(7.0, "What each of them costs, as minus the logarithm of a probability.", "", ge=0)
    start_layers: int = option(2, "Layers in which seeds start.", ge=1)
    late_cost: float = option(8.0, "What a start costs for each layer in front of it, as minus the logarithm of a probability.", "", ge=0)
    branches: int = option(4, "Paths of a seed that are followed at the same time.", ge=1)
    exchanges: int = option(20, "Most sweeps in which tracks exchange hits and tails; 0 takes them as they were found.", ge=0)
    tune: bool = option(False, "Evaluating first tries other values of these options, one after the other, on a part of the input with truth that is not evaluated then; else they are what is given, by default values that did well on 250 MeV protons behind 250 mm of water.")
    measure: bool = option(True, "Follow twice: the first tracks show how much the protons of a frame scatter, and where they come from.")


class StraightConfig(Config):
    """The engine `straight`: in each layer the assignment of least transverse distance."""

    max_angle: float = option(0.6, "Largest angle between a link and the beam axis in the calorimeter.", "rad", gt=0, lt=1.5)
    max_front_angle: float = option(0.6, "The same for the links between the first three layers.", "rad", gt=0, lt=1.5)


class DeflectionConfig(Config):
    """The classical engine `deflection`: in each layer the assignment of least squared deflection."""

    max_angle: float = option(0.15, "Largest deflection of a link, and largest angle of a track's first one to the beam axis.", "rad", gt=0, lt=1.5)
    direction: Literal["forward", "backward", "both"] = option("both", "From the first layer on, from the last one back, or the better tracks of both.")
