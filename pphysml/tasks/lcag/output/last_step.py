"""The last steps of applying, after any engine."""

from __future__ import annotations

import numpy as np

from ....contract import LastStep
from ....io.ragged import Columns, ragged
from ..config import LcagConfig
from ..reading.signal_side import put_back
from .template import read_template
from .template_matching import match_columns

NO_CHARGES = ("--match compares masses alone, as the events have no charges; name the branch that has them with "
              "--map charge=BRANCH, in graFEI's ntuples with --map feat_charge=BRANCH")


class LcagLastStep(LastStep):
    """Puts a given signal side back in, and searches for a template; see `contract.LastStep`."""

    def __init__(self, config: LcagConfig) -> None:
        options = config.apply
        self._charges_missed = False
        self.conjugate = options.match_conjugate
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
            columns = {**columns, **match_columns(self.template, columns, charge, self.conjugate)}
        return columns
