"""Options of the simulation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Limits
from pydantic import model_validator

from ....config import Config, option

Range = Annotated[list[Annotated[float, Limits(gt=0)]], Limits(min_length=2, max_length=2)]
"""Lowest and highest value."""


OF_TOY = ("jets_per_entry", "continuous_masses", "gluons", "alpha_s", "cutoff", "hadrons", "kick", "underlying", "underlying_pt")
"""Options without a meaning for Pythia."""


class SimulationConfig(Config):
    """Jets of quarks and gluons, and of resonances X -> q q with a large momentum."""

    generator: Literal["toy", "pythia"] = option("toy", "`toy`: a leading-logarithm shower, fast; `pythia`: Pythia 8 with its showers, hadrons and underlying event, and anti-kT jets by fastjet (`pip install 'pphysml[sim]'`), of which an event has all that are in the ranges, or that of its resonance alone. See --generator.")
    jets_per_entry: float | None = option(None, "Mean of the Poisson-distributed number of jets in an entry; null has exactly one in each.", "", gt=0)
    signal: float = option(0.5, "Share of the jets that come from a resonance; with pythia, of the events.", "", ge=0, le=1)
    resonance_masses: list[Annotated[float, Limits(gt=0)]] = option(lambda: [50.0, 80.0, 100.0, 125.0, 150.0, 200.0, 250.0, 300.0], "Masses of the resonance, drawn for every jet.", "GeV", min_length=1)
    continuous_masses: bool = option(False, "Masses are drawn evenly between the smallest and the largest of `resonance_masses`.")
    pt: Range = option(lambda: [300.0, 900.0], "Lowest and highest transverse momentum of what makes a jet; of a resonance at least 2 m / radius.", "GeV")
    pt_power: float = option(5.0, "Power with which the spectrum of transverse momenta falls.", "", ge=0)
    rapidity: float = option(2.0, "Largest rapidity of jets, which is evenly distributed.", "", ge=0, le=4)
    radius: float = option(1.0, "Radius of jets in rapidity and azimuth.", "", gt=0, le=1.5)
    gluons: float = option(0.5, "Share of gluons among the jets that come from no resonance.", "", ge=0, le=1)
    alpha_s: float = option(0.102, "Strong coupling at the mass of the Z boson, which runs at one loop; below the world's mean, since the shower has too many hard emissions.", "", gt=0, le=0.13)
    cutoff: float = option(0.5, "Smallest transverse momentum of an emission against its emitter.", "GeV", ge=0.3)
    hadrons: float = option(1.6, "Mean number of hadrons of a parton beyond the first.", "", ge=0, le=20)
    kick: float = option(0.3, "Width of a hadron's transverse momentum against its parton, in each direction.", "GeV", ge=0)
    underlying: float = option(6.0, "Mean number of particles of the underlying event in a jet.", "", ge=0, le=1000)
    underlying_pt: float = option(0.7, "Mean transverse momentum of those.", "GeV", gt=0)
    resolution: float = option(0.03, "Relative error of a constituent's transverse momentum.", "", ge=0, lt=1)
    energy_scale: float = option(1.0, "Factor of the transverse momenta of constituents.", "", gt=0)
    min_pt: float = option(0.5, "Smallest transverse momentum of a constituent.", "GeV", gt=0)
    max_constituents: int = option(128, "Most constituents of a jet; of more, those with the largest transverse momenta are kept.", "", ge=1)
    weight_spread: float = option(0.0, "Width of the logarithm of the event weights, whose mean is 1.", "", ge=0)
    negative_weights: float = option(0.0, "Share of entries with a negative weight.", "", ge=0, lt=0.5)
    constituents: bool = option(True, "Write the constituents of jets.")

    @model_validator(mode="after")
    def _with_effect(self) -> SimulationConfig:
        idle = self.changed(OF_TOY)
        if self.generator == "pythia" and idle:
            raise ValueError(f"simulation.{idle[0]} has no effect with simulation.generator=pythia: leave it out")
        return self

    @model_validator(mode="after")
    def _possible(self) -> SimulationConfig:
        low, high = self.pt
        if low > high:
            raise ValueError("pt: the first value must not be above the second")
        if self.signal > 0 and 2 * max(self.resonance_masses) / self.radius > high:
            raise ValueError(f"resonance_masses: 2 m / radius must not be above the largest pt, {high:g} GeV")
        return self
