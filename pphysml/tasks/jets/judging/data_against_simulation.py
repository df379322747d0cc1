"""Data against simulation: spectra of scores, of what they are made of, and of masses, with chi^2 between them."""

from __future__ import annotations

import numpy as np

from ....evaluation.data_against_simulation import (
    Sample,
    Spectra,
    scale_to_data,
    spectra_of,
    spectra_rows,
)
from ....evaluation.drawing import Drawings, drawn
from ....evaluation.result import Evaluation
from ....io.ragged import Columns
from ..config import JetsConfig
from .jets_shown import JetsShown

KINEMATICS = ("jet_pt", "jet_mass", "jet_softdrop_mass")
"""Shown beside scores and inputs, where both have them."""

LEVEL = 0.01
"""Corrected p-value below which a difference is named."""


class DataAgainstSimulation:
    """Accumulates jets of data and of simulation, whose classes need not be known; see `contract.Comparison`."""

    def __init__(self, config: JetsConfig) -> None:
        self.config = config
        self.files = tuple(config.apply.simulation)
        self.data: list[JetsShown] = []
        self.simulation: list[JetsShown] = []

    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add jets of data; of what class they may be plays no part."""
        self.data.append(JetsShown.of(examples, predictions, self.config, KINEMATICS))

    def update_simulation(self, examples: Columns, predictions: Columns) -> None:
        """Add jets of simulation."""
        self.simulation.append(JetsShown.of(examples, predictions, self.config, KINEMATICS))

    def result(self) -> Evaluation:
        """Return a figure and a row of chi^2 for each quantity."""
        lacking = [name for name, parts in (("data", self.data), ("simulation", self.simulation)) if not sum(map(len, parts))]
        if lacking:
            return Evaluation(notes=[f"There is no jet of {' and none of '.join(lacking)} that is selected: nothing is compared."])
        data, simulation = JetsShown.joined(self.data), JetsShown.joined(self.simulation)
        samples = Sample.of(data.weight, data.event), Sample.of(simulation.weight, simulation.event, simulation.label % (len(self.config.data.classes) + 1))
        try:
            scale = scale_to_data(*samples)
        except ValueError as error:
            return Evaluation(notes=[f"Nothing is compared: {error}."])
        found = self._compared(data, simulation, *samples)
        notes = [self._composition(data, simulation, scale), differences(found), *_odd(data, simulation)]
        return Evaluation(notes=notes, tables={"Data against simulation": spectra_rows(found)}, figures=drawn(lambda: self._drawings(found)))

    def _compared(self, data: JetsShown, simulation: JetsShown, of_data: Sample, of_simulation: Sample) -> dict[str, Spectra]:
        """Return the spectra of all that both have, scores first."""
        scale = None if self.config.apply.normalise else 1.0
        pairs = [(name, its[name], others[name]) for its, others in ((data.scores, simulation.scores), (data.inputs, simulation.inputs)) for name in its if name in others]
        return {name: spectra_of(values, of_data, simulated, of_simulation, len(self._names), scale) for name, values, simulated in pairs}

    @property
    def _names(self) -> list[str]:
        """Names of what the simulation holds; last what is of no class, or not known."""
        return [*self.config.data.classes, "of no known class"]

    def _composition(self, data: JetsShown, simulation: JetsShown, scale: float) -> str:
        sums = np.bincount(simulation.label % len(self._names), simulation.weight, len(self._names))
        shares = ", ".join(f"{name} {total / sums.sum():.1%}" for name, total in zip(self._names, sums, strict=True) if total)
        normalised = self.config.apply.normalise
        scaled = f"scaled by {scale:.4g} to the sum of weights of the data" if normalised else f"as its weights are, which sum to {1 / scale:.4g} of those of the data"
        return f"Compared are {len(data)} jets of data and {len(simulation)} of simulation, {scaled}: {shares}."

    def _drawings(self, found: dict[str, Spectra]) -> Drawings:
        from .plots import comparison_figures

        return comparison_figures(found, self._names)


def differences(found: dict[str, Spectra]) -> str:
    """Return the sentence that names the quantities whose spectra differ."""
    rows = [row for row in spectra_rows(found) if row["p-value, corrected"] is not None]
    if not rows:
        return "There are too few jets to test whether data and simulation differ."
    rows.sort(key=lambda row: row["chi2/ndf"], reverse=True)
    differing = [f"{row['of']} ({row['chi2/ndf']:.3g}, p {row['p-value, corrected']:.2g})" for row in rows if row["p-value, corrected"] < LEVEL]
    if differing:
        return f"Data and simulation differ in {len(differing)} of {len(rows)} quantities (chi2/ndf, p-value corrected for their number): {', '.join(differing)}."
    least = min(rows, key=lambda row: row["p-value, corrected"])
    return f"In none of {len(rows)} quantities data and simulation differ by more than chance: the smallest p-value, corrected for their number, is {least['p-value, corrected']:.2g}, of {least['of']}."


def _odd(data: JetsShown, simulation: JetsShown) -> list[str]:
    """Return what is to be known of what was given."""
    notes = [f"{name} is in one of both only, and is not compared." for name in sorted(set(data.inputs) ^ set(simulation.inputs))]
    if (data.label >= 0).any():
        notes.append("The data have classes, which play no part here; if files of the data are simulation, quote the pattern, as in --simulation 'mc*.root'.")
    if (simulation.weight < 0).any():
        notes.append(f"{(simulation.weight < 0).mean():.1%} of the simulated jets have a negative weight; they are counted with it.")
    return notes
