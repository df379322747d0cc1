"""The last steps of applying, after any engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....contract import LastStep
from ....io.ragged import Columns, ragged
from ..config import LcagConfig
from ..reading.signal_side import put_back
from .leaf_hypotheses import LeafHypotheses
from .template import read_template
from .template_matching import match_columns

NO_CHARGES = ("--match compares masses alone, as the events have no charges; name the branch that has them with "
              "--map charge=BRANCH, in graFEI's ntuples with --map feat_charge=BRANCH")


class LcagLastStep(LastStep):
    """Puts a given signal side back in, and searches for a template; see `contract.LastStep`."""

    def __init__(self, config: LcagConfig) -> None:
        options = config.apply
        self._charges_missed = False
        self._compared = ""
        self.conjugate, self.pdg_ids = options.match_conjugate, np.array(config.data.hypotheses, dtype=np.int64)
        self.template = None
        if options.match is not None:
            self.template = read_template(options.match, options.match_tolerance, options.match_window)

    @property
    def warnings(self) -> list[str]:
        """That charges were not compared, where there are none."""
        return [NO_CHARGES] if self._charges_missed else []

    def __call__(self, examples: Columns, columns: Columns) -> Columns:
        """Return the columns to write."""
        if "signal_side" in examples:
            columns = put_back(examples, columns)
        if self.template is not None:
            charge = ragged(examples, "charge") if "charge" in examples else None
            if charge is None and np.isfinite(self.template.charge).any():
                self._charges_missed = True
            hypotheses = self._hypotheses(examples, columns) if self.template.particle.any() else None
            self._compared = hypotheses.source if hypotheses is not None else "masses"
            columns = {**columns, **match_columns(self.template, columns, charge, self.conjugate, hypotheses)}
        return columns

    def facts(self, of_engine: Mapping[str, Any]) -> dict[str, Any]:
        """Return by what --match compared named leaves, with what the engine says."""
        return {**of_engine, **({"match_by": self._compared} if self._compared else {})}

    def _hypotheses(self, examples: Columns, columns: Columns) -> LeafHypotheses | None:
        """Return the hypotheses of the input, else those that the network has found; None if there are neither."""
        if "assumed" in examples:
            return LeafHypotheses(ragged(examples, "assumed"), np.zeros(0, dtype=np.int64), "hypotheses of the input")
        if "mass_hypothesis" in columns:
            return LeafHypotheses(ragged(columns, "mass_hypothesis"), self.pdg_ids, "hypotheses of the network (data.hypotheses)")
        return None
