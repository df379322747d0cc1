"""What all engines of `track` share: links to output columns, and what they cannot compute."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ....contract import Engine
from ....io.ragged import Columns
from ....model_file import ModelFile
from ..config import TrackConfig
from ..tracks.links import Links
from .columns import output_columns
from .input_warnings import InputWarnings


class LinkEngine(Engine):
    """An engine that finds links; see `contract.Engine`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config
        self.input_warnings = InputWarnings()

    @property
    def warnings(self) -> list[str]:
        """What to tell the user when all frames have been seen."""
        return list(self.input_warnings.sentences())

    @abstractmethod
    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each frame."""
        columns = output_columns(examples, self.links(examples), self.config)
        self.input_warnings.see(examples, columns)
        return columns
