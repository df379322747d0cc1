"""What all engines of `track` share: links to output columns, and what they cannot compute."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ...io.ragged import Columns
from ...model_file import ModelFile
from .config import TrackConfig
from .links import Links
from .output import output_columns

NO_MATERIALS = "the calorimeter is not known: range, energy and WEPL are not computed; give --geometry"


class LinkEngine(ABC):
    """An engine that finds links; see `task.Engine`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config
        self.warnings: list[str] = []

    @abstractmethod
    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each frame."""
        if not self.warnings and np.isnan(np.asarray(examples["beam_range"])).any():
            self.warnings.append(NO_MATERIALS)
        return output_columns(examples, self.links(examples), self.config)
