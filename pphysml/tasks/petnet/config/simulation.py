"""Options of the simulation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field as Limits
from pydantic import ValidationInfo, field_validator, model_validator

from ....config import Config, build, option
from ....errors import ConfigError
from .quantities import EnergyRange, Picoseconds

Diameter = Annotated[float, Limits(gt=0)]

PHANTOMS: dict[str, tuple[float, float]] = {"mouse": (12.5, 70.0), "rat": (25.0, 150.0)}
"""Radius and length of the water cylinders of NEMA NU 4-2008, mm."""


class ToyConfig(Config):
    """The toy data of arXiv:2504.06730: samples of decays in whole bins of time, with a fixed delay of each crystal."""

    scanner: str = option("toy-240", "Scanner: a known name, or a YAML file.")
    activity: float = option(10.0, "Decays in a sample; their mean where they fluctuate.", gt=0)
    fluctuating: bool = option(False, "Whether the decays of a sample fluctuate (Poisson) as in the later published parameters.")
    efficiency: float = option(0.2, "Probability that a photon is detected.", gt=0, le=1)
    measurement_time: int = option(1000, "Bins of a sample.", ge=2)
    bin_time: float = option(1.0, "Time that a bin stands for.", "ns", gt=0)
    spread: int = option(2, "How far from the opposite crystal the second photon may be, in crystals and in rings.", ge=1)
    delay_max: int = option(20, "Largest delay of a crystal, in bins; they are binomial.", ge=0)
    delay_mean: float = option(10.0, "Mean delay, in bins.", ge=0)
    delay_seed: int = option(0, "Seed of the delays, which all data of one scanner share.", ge=0)
    jitter: float = option(0.0, "Gaussian error of a time, in bins; the published toy has none.", ge=0)
    published_ids: bool = option(False, "Number crystals by the public formula, which gives the 2880 crystals of the larger ring 360 numbers.")

    @model_validator(mode="after")
    def _delays_possible(self) -> ToyConfig:
        if self.delay_mean > self.delay_max:
            raise ValueError(f"toy.delay_mean: {self.delay_mean:g} bins are more than toy.delay_max, {self.delay_max}")
        if self.measurement_time <= self.delay_max:
            raise ValueError(f"toy.measurement_time: {self.measurement_time} bins must be more than toy.delay_max, {self.delay_max}")
        return self


class SimulationConfig(Config):
    """Positrons in a water cylinder, their photons through it into the crystals, and what the electronics makes of them."""

    kind: Literal["scanner", "toy"] = option("scanner", "Photons followed through a scanner, or the toy data of arXiv:2504.06730 (see simulation.toy).")
    scanner: str = option("safir", "Scanner: a name of `pphysml/tasks/petnet/scanner/scanners`, or a YAML file.")
    crystal: Literal["LYSO", "LSO"] = option("LYSO", "What the crystals are made of.")
    activity: float = option(50.0, "Rate at which positrons are emitted in the phantom.", "MBq", gt=0)
    phantom: Literal["mouse", "rat"] = option("mouse", "Water cylinder of NEMA NU 4: 25 mm wide and 70 mm long, or 50 mm and 150 mm.")
    phantom_radius: float | None = option(None, "Radius of the water cylinder; null takes that of the phantom.", "mm", gt=0)
    phantom_length: float | None = option(None, "Length of the water cylinder; null takes that of the phantom.", "mm", gt=0)
    phantom_offset: tuple[float, float] = option((0.0, 0.0), "Position of the cylinder's axis in x and y.", "mm")
    rod_diameters: list[Diameter] = option(list, "Diameters of hot rods along the cylinder, at equal angles on a circle; empty fills it uniformly.", "mm")
    rod_circle: float | None = option(None, "Radius of the circle of the rods' centres; null takes half the radius of the cylinder.", "mm", ge=0)
    rod_background: float = option(0.25, "Activity per volume outside the rods, relative to that inside; 0 leaves the rods alone.", "", ge=0, le=1)
    outside_activity: float = option(0.0, "Rate at which positrons are emitted beyond the end of the phantom, in water that continues it to larger z.", "MBq", ge=0)
    outside_length: float = option(0.0, "Length of that water.", "mm", ge=0)
    positron_range: float = option(0.57, "Mean distance between emission and annihilation in water, here of F-18; 0 for none.", "mm", ge=0)
    acollinearity: float = option(0.5, "Width (FWHM) of the angle between the photons about 180 degrees, in each projection.", "deg", ge=0, le=5)
    background: bool = option(True, "Decays of Lu-176 in the crystals, source number 1.")
    readout: Literal["crystal", "submodule", "module", "rsector"] = option("crystal", "What sums energies: deposits of one decay inside it are one single, at the crystal with the largest.")
    integration_time: float = option(80.0, "Time in which later deposits in the same unit of the readout are added to a single.", "ns", ge=0)
    energy_resolution: float = option(0.13, "Width (FWHM) of the energy at 511 keV over the energy; it falls with the root of the energy.", "", ge=0, lt=1)
    threshold: float = option(100.0, "Measured energy below which there is no single, and no dead time either.", "keV", ge=0)
    coincidence_resolution: Picoseconds = option(250.0, "Width (FWHM) of the time difference of two photons at one place.", "ps", ge=0)
    delay_spread: Picoseconds = option(0.0, "Gaussian spread of the crystals' fixed delays.", "ps", ge=0)
    delay_seed: int = option(0, "Seed of these delays, which all data of one scanner share.", ge=0)
    dead_time: float = option(50.0, "Time after a single in which its module is blind (non-paralysable).", "ns", ge=0)
    energy_window: EnergyRange | None = option(None, "Singles outside are left out; null keeps all.", "keV")
    toy: ToyConfig = option(ToyConfig, "Options of the kind `toy`.")
    further: list[dict[str, Any]] = option(list, "Further measurements by the same scanner, each told by the options that differ, as {activity: 50, phantom: rat}: blocks of slices for training take turns.")

    @property
    def measurements(self) -> list[SimulationConfig]:
        """This measurement and the further ones, none of which has further ones itself."""
        first = self.model_dump(exclude={"further"})
        return [SimulationConfig.model_validate({**first, **options}) for options in [{}, *self.further]]

    @property
    def cylinder(self) -> tuple[float, float]:
        """Radius and length of the water cylinder, mm."""
        radius, length = PHANTOMS[self.phantom]
        return self.phantom_radius or radius, self.phantom_length or length

    @model_validator(mode="after")
    def _outside_somewhere(self) -> SimulationConfig:
        if self.outside_activity > 0 and self.outside_length == 0:
            raise ValueError("simulation.outside_activity: needs simulation.outside_length, in which it is")
        return self

    @field_validator("further")
    @classmethod
    def _further_possible(cls, further: list[dict[str, Any]], info: ValidationInfo) -> list[dict[str, Any]]:
        # The option is declared last, so that all others are known by now.
        first = cls.model_construct(**info.data)
        for number, options in enumerate(further, 1):
            if "further" in options:
                raise ValueError(f"measurement {number} has further ones itself: list them beside it")
            try:
                other = build(cls, {**first.model_dump(exclude={"further"}), **options}, f"measurement {number}")
            except ConfigError as error:
                raise ValueError(str(error)) from None
            if "toy" in (first.kind, other.kind):
                raise ValueError(f"measurement {number}: blocks of the kind 'toy' do not take turns")
            if other.scanner != first.scanner:
                raise ValueError(f"measurement {number}: the scanner is {other.scanner!r}, but weights are for one scanner, here {first.scanner!r}")
        return further
