"""The last step of applying: which jets pass working points."""

from __future__ import annotations

from ....contract import LastStep
from ....io.ragged import Columns
from ..config import JetsConfig
from .working_points import Chosen


class PassingJets(LastStep):
    """Adds a column for each working point of a file; see `contract.LastStep`."""

    def __init__(self, config: JetsConfig) -> None:
        assert config.apply.working_points is not None
        self.config = config
        self.chosen = Chosen.read(config.apply.working_points)

    def __call__(self, examples: Columns, columns: Columns) -> Columns:
        """Return the columns with those of the working points."""
        return {**columns, **self.chosen.passed(columns, examples, self.config)}
