"""What a user states of the beam: for all of the input, for single runs, or that it is to be estimated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .... import plain_yaml
from ....config import Config, build, option
from ....errors import ConfigError, shortened
from ..config import ApplyConfig
from ..geometries.geometry import BeamConfig

NUCLEONS = {"proton": 1, "helium": 4}

STATED = re.compile(r"(?P<particle>[a-z]+):(?P<energy>[0-9.]+(e[+-]?[0-9]+)?)(?P<unit>MeV/u|MeV|GeV)", re.IGNORECASE)
UNITS = {"mev": 1.0, "gev": 1000.0}

ESTIMATED = re.compile(r"((?P<particle>proton|helium):)?estimate(:(?P<file>.+))?", re.IGNORECASE)
CHARGES = {"proton": 1.0, "helium": 2.0}
LIMITS = 1.0, 1000.0
"""Lowest and highest kinetic energy, MeV a nucleon; beyond them the unit is rather wrong."""
HOW = "give particle and kinetic energy with its unit, as proton:200MeV or helium:220MeV/u"


class BeamFile(Config):
    """A YAML file that states the beam; the options of the same names in the section `apply` go before it."""

    beam: str | None = option(None, "Beam of all runs that are not listed, as proton:200MeV.")
    beam_of_run: dict[int, str] = option(dict, "Run number -> beam.")
    beam_spread: float | None = option(None, "Gaussian width of its energy.", "MeV", ge=0)


@dataclass(frozen=True)
class BeamStatement:
    """What is stated.

    Attributes:
        usual: the beam of all runs that are not in `of_run`; None where nothing is stated.
        of_run: run number -> beam.
        spread: Gaussian width of the energy, MeV; None where nothing is stated.
        estimated: whether the energy is to be estimated from particles that saw no phantom, which the user says there are.
        without_phantom: file that is to be estimated from; None for the input itself.
        charge: of the particles of a beam that is to be estimated; None where the file, or nobody, says it.
    """

    usual: BeamConfig | None = None
    of_run: Mapping[int, BeamConfig] = field(default_factory=dict)
    spread: float | None = None
    estimated: bool = False
    without_phantom: str | None = None
    charge: float | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether the beam is neither stated nor to be estimated."""
        return self.usual is None and not self.of_run and not self.estimated


def beam_of(text: str, where: str = "apply.beam") -> BeamConfig:
    """Return the beam that a text states, as `proton:200MeV` or `helium:220MeV/u`.

    Raises:
        ConfigError: it is not of this form, or of another particle.
    """
    found = STATED.fullmatch(text.strip())
    if found is None or found["particle"].lower() not in NUCLEONS:
        raise ConfigError(f"{where}: {shortened(text)!r} is no beam; {HOW}.")
    particle: Literal["proton", "helium"] = "helium" if found["particle"].lower() == "helium" else "proton"
    unit = found["unit"].lower()
    per_nucleon = NUCLEONS[particle] if unit == "mev/u" else 1
    try:
        beam = BeamConfig(particle=particle, energy=float(found["energy"]) * UNITS.get(unit, 1.0) * per_nucleon)
    except ValueError:
        raise ConfigError(f"{where}: {shortened(text)!r} has no positive, finite energy.") from None
    if not LIMITS[0] <= beam.energy / NUCLEONS[particle] <= LIMITS[1]:
        raise ConfigError(f"{where}: {shortened(text)!r} is no beam for a calorimeter, which has {LIMITS[0]:g} to {LIMITS[1]:g} MeV a nucleon: is the unit right?")
    return beam


def statement_of(options: ApplyConfig) -> BeamStatement:
    """Return what the options state.

    Raises:
        ConfigError: a text is none of what `apply.beam` may be, or a file cannot be read.
    """
    text, of_run, spread, where = options.beam, dict(options.beam_of_run), options.beam_spread, "apply.beam"
    if text is not None and text.endswith((".yaml", ".yml")):
        where, file = text, _beam_file(text)
        text, of_run, spread = file.beam, {**file.beam_of_run, **of_run}, file.beam_spread if spread is None else spread
    runs = {run: beam_of(beam, f"{where}: beam_of_run.{run}") for run, beam in of_run.items()}
    if text is None:
        return BeamStatement(None, runs, spread)
    found = ESTIMATED.fullmatch(text.strip())
    if found is not None:
        charge = None if found["particle"] is None else CHARGES[found["particle"].lower()]
        return BeamStatement(None, runs, spread, True, found["file"], charge)
    if ".root" in text:
        return BeamStatement(None, runs, spread, True, text)
    return BeamStatement(beam_of(text, where), runs, spread)


def _beam_file(path: str) -> BeamFile:
    values = plain_yaml.load(path)
    if not isinstance(values, dict) or not values:
        raise ConfigError(f"{path}: states no beam; give beam, beam_of_run or beam_spread.")
    return build(BeamFile, values, path)
