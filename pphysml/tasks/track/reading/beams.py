"""The beam in front of the phantom, without which a range says nothing of what lies in the phantom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....io.problems import refuse
from ....io.ragged import Array, Columns, length
from ....physics.range_energy import HELIUM_MASS_RATIO, particle_range
from ..geometries.geometry import BeamConfig
from .beam_statement import BeamStatement

PDG = {2212: 1.0, 1000020040: 2.0}
"""PDG id -> charge of what a beam may consist of."""

UNKNOWN, DESCRIBED, FILE, STATED = range(4)
"""Where a beam is known from; the higher goes before the lower."""
SOURCES = {DESCRIBED: "as the geometry given says", FILE: "as the file says", STATED: "as stated"}

SAME = 0.002
"""Relative difference of two energies up to which they do not contradict each other."""


@dataclass
class Beams:
    """Where the beam of a frame is known from: what is stated, else the file, else the user's own geometry.

    It remembers which beams there were, and where the file says another one than is stated.

    Attributes:
        statement: whatever the file says.
        described: where the file says nothing.
    """

    statement: BeamStatement = field(default_factory=BeamStatement)
    described: BeamConfig | None = None
    _seen: dict[tuple[int, float], tuple[float, float]] = field(default_factory=dict)
    _contradictions: dict[tuple[float, float, float, float], None] = field(default_factory=dict)

    def columns(self, frames: Columns, in_front: float = 0.0) -> dict[str, Array]:
        """Return `beam_energy` `beam_spread` (MeV), `beam_charge` and `beam_range` (mm of water) of frames, float32.

        Energy and range are NaN where the beam is not known; the charge is that of protons then.

        Args:
            in_front: water-equivalent thickness that is crossed in front of the phantom, mm, behind which the range is left.

        Raises:
            InputError: the file has another particle, and none is stated.
        """
        n, stated = length(frames), self.statement
        source = np.full(n, UNKNOWN)
        found = {"energy": np.full(n, np.nan), "spread": np.zeros(n), "charge": np.ones(n)}
        if self.described is not None:
            _put(found, source, np.ones(n, dtype=bool), self.described, DESCRIBED)
        states = np.full(n, stated.usual is not None)
        for run in stated.of_run:
            states |= np.asarray(frames["run"]) == run
        of_file = _of_file(frames, states)
        known = of_file["energy"] > 0
        for name, values in of_file.items():
            # The particle may be known without its energy, and files with one energy for all say nothing of its spread.
            says = {"charge": np.isfinite(values), "spread": known & (values > 0), "energy": known}[name]
            found[name] = np.where(says, values, found[name])
        source[known] = FILE
        if stated.charge is not None:
            found["charge"] = np.full(n, stated.charge)
        if stated.usual is not None:
            _put(found, source, np.ones(n, dtype=bool), stated.usual, STATED)
        for run, beam in stated.of_run.items():
            _put(found, source, np.asarray(frames["run"]) == run, beam, STATED)
        if stated.spread is not None:
            found["spread"] = np.full(n, stated.spread)
        self._remember(found, source)
        self._compare(found, of_file, known & (source == STATED))
        return {f"beam_{name}": values.astype(np.float32) for name, values in
                {**found, "range": beam_range(found["energy"], found["charge"]) - in_front}.items()}

    def facts(self) -> dict[str, Any]:
        """Return which beams were taken, for a person; nothing where they are to be estimated."""
        if self.statement.estimated or not self._seen:
            return {}
        texts = [f"{_range_text(charge, *energies)}, {SOURCES[source]}" for (source, charge), energies in sorted(self._seen.items(), reverse=True) if source]
        return {"beam": "; ".join([*texts, *(["not known"] if any(source == UNKNOWN for source, _ in self._seen) else [])])}

    def warnings(self) -> Iterator[str]:
        """Yield where the file says another beam than is stated."""
        for stated_charge, stated, charge, given in self._contradictions:
            yield (f"the beam is stated as {_range_text(stated_charge, stated, stated)}, but the file says {_range_text(charge, given, given)} "
                   "(beam_energy, beam_pdg); what is stated is taken")

    def _remember(self, found: dict[str, Array], source: Array) -> None:
        kinds, row = np.unique(np.stack([source, found["charge"]], axis=1), axis=0, return_inverse=True)
        for number, (kind, charge) in enumerate(kinds):
            key, energy = (int(kind), float(charge)), found["energy"][row.ravel() == number]
            low, high = self._seen.get(key, (np.inf, -np.inf))
            self._seen[key] = (min(low, float(energy.min())), max(high, float(energy.max())))

    def _compare(self, found: dict[str, Array], of_file: dict[str, Array], chosen: Array) -> None:
        charge = np.where(np.isfinite(of_file["charge"]), of_file["charge"], found["charge"])
        other = chosen & ((charge != found["charge"]) | (np.abs(of_file["energy"] / found["energy"] - 1) > SAME))
        # Energies of a file may differ a little from frame to frame; one of each 0.1 MeV is enough.
        kinds = np.stack([found["charge"], found["energy"], charge, np.round(of_file["energy"], 1)], axis=1)[other]
        self._contradictions.update(dict.fromkeys(map(tuple, np.unique(kinds, axis=0).tolist())))


def beam_range(energy: Array, charge: Array) -> Array:
    """Return the range in water of protons (charge 1) and nuclei of helium (2) of these energies (MeV), mm."""
    found: Array = np.where(charge == 2, particle_range(energy, HELIUM_MASS_RATIO, 2.0), particle_range(energy))
    return found


def beam_text(charge: float, energy: float) -> str:
    """Return particle and energy (MeV) for a person."""
    return _range_text(charge, energy, energy)


def _range_text(charge: float, low: float, high: float) -> str:
    particle = "helium" if charge == 2 else "proton"
    few = f"{low:.5g}" == f"{high:.5g}"
    return f"{particle} {low:.5g} MeV" if few else f"{particle} {low:.5g} to {high:.5g} MeV"


def _put(found: dict[str, Array], source: Array, chosen: Array, beam: BeamConfig, kind: int) -> None:
    """Take a beam for the chosen frames."""
    values = {"energy": beam.energy, "spread": beam.energy_spread, "charge": 2.0 if beam.particle == "helium" else 1.0}
    for name, value in values.items():
        found[name][chosen] = value
    source[chosen] = kind


def _of_file(frames: Columns, states: Array) -> dict[str, Array]:
    """Return energy, spread and charge as the file has them, NaN where it has none; zero and negative numbers mean nothing there.

    Raises:
        InputError: another particle, where none is stated.
    """
    n = length(frames)
    energy = np.asarray(frames.get("beam_energy", np.full(n, np.nan)), dtype=np.float64)
    spread = np.asarray(frames.get("beam_energy_rms", np.zeros(n)), dtype=np.float64)
    pdg = np.asarray(frames.get("beam_pdg", np.zeros(n)), dtype=np.int64)
    refuse(frames, ~states & (pdg > 0) & ~np.isin(pdg, list(PDG)), "beam_pdg", lambda row: (
        f"{pdg[row]} is neither the proton (2212) nor the nucleus of helium (1000020040); state the beam with --beam"))
    return {"energy": np.where(energy > 0, energy, np.nan), "spread": spread, "charge": np.select([pdg == number for number in PDG], list(PDG.values()), np.nan)}
