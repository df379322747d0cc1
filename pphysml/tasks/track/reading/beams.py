"""The beam in front of the phantom, without which a range says nothing of what lies in the phantom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ....errors import ConfigError, shortened
from ....io.problems import refuse
from ....io.ragged import Array, Columns, length
from ....physics.range_energy import HELIUM_MASS_RATIO, particle_range
from ..geometries.geometry import BeamConfig

NUCLEONS = {"proton": 1, "helium": 4}
PDG = {2212: 1.0, 1000020040: 2.0}
"""PDG id -> charge of what a beam may consist of."""

STATED = re.compile(r"(?P<particle>[a-z]+):(?P<energy>[0-9.]+(e[+-]?[0-9]+)?)(?P<unit>MeV/u|MeV|GeV)", re.IGNORECASE)
UNITS = {"mev": 1.0, "gev": 1000.0}


def beam_of(text: str) -> BeamConfig:
    """Return the beam that a text states, as `proton:200MeV` or `helium:220MeV/u`.

    Raises:
        ConfigError: it is not of this form, or of another particle.
    """
    found = STATED.fullmatch(text.strip())
    if found is None or found["particle"].lower() not in NUCLEONS:
        raise ConfigError(f"apply.beam: {shortened(text)!r} is no beam; give particle and kinetic energy with its unit, as proton:200MeV or helium:220MeV/u.")
    particle: Literal["proton", "helium"] = "helium" if found["particle"].lower() == "helium" else "proton"
    unit = found["unit"].lower()
    per_nucleon = NUCLEONS[particle] if unit == "mev/u" else 1
    try:
        return BeamConfig(particle=particle, energy=float(found["energy"]) * UNITS.get(unit, 1.0) * per_nucleon)
    except ValueError:
        raise ConfigError(f"apply.beam: {shortened(text)!r} has no positive, finite energy.") from None


@dataclass(frozen=True)
class Beams:
    """Where the beam of a frame is known from: what is stated, else the file, else the user's own geometry.

    Attributes:
        stated: for all frames, whatever the file says.
        described: where the file says nothing.
    """

    stated: BeamConfig | None = None
    described: BeamConfig | None = None

    def columns(self, frames: Columns) -> dict[str, Array]:
        """Return `beam_energy` `beam_spread` (MeV), `beam_charge` and `beam_range` (mm of water) of frames, float32.

        Energy and range are NaN where the beam is not known; the charge is that of protons then.

        Raises:
            InputError: the file has another particle.
        """
        n = length(frames)
        usual = self.stated or self.described
        energy = np.full(n, np.nan if usual is None else usual.energy)
        spread = np.full(n, 0.0 if usual is None else usual.energy_spread)
        charge = np.full(n, 2.0 if usual is not None and usual.particle == "helium" else 1.0)
        if self.stated is None:
            energy, charge = _of_file(frames, energy, charge)
        return {name: values.astype(np.float32) for name, values in (
            ("beam_energy", energy), ("beam_spread", spread), ("beam_charge", charge), ("beam_range", beam_range(energy, charge)))}


def beam_range(energy: Array, charge: Array) -> Array:
    """Return the range in water of protons (charge 1) and nuclei of helium (2) of these energies (MeV), mm."""
    found: Array = np.where(charge == 2, particle_range(energy, HELIUM_MASS_RATIO, 2.0), particle_range(energy))
    return found


def _of_file(frames: Columns, energy: Array, charge: Array) -> tuple[Array, Array]:
    """Return energies and charges with those that the file knows in their place."""
    if "beam_energy" in frames:
        given = np.asarray(frames["beam_energy"], dtype=np.float64)
        energy = np.where(given > 0, given, energy)
    if "beam_pdg" in frames:
        pdg = np.asarray(frames["beam_pdg"], dtype=np.int64)
        refuse(frames, ~np.isin(pdg, list(PDG)), "beam_pdg", lambda row: (
            f"{pdg[row]} is neither the proton (2212) nor the nucleus of helium (1000020040); state the beam with --beam"))
        charge = np.where(pdg == 1000020040, 2.0, 1.0)
    return energy, charge
