"""What all engines of `track` share: links to output columns, and what they cannot compute."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ....contract import Engine
from ....io.ragged import Columns, ragged
from ....model_file import ModelFile
from ..config import TrackConfig
from ..ranges.beam_estimate import BeamEstimate
from ..reading.beam_statement import statement_of
from ..tracks.links import Links
from .columns import output_columns
from .estimated_beam import EstimatedBeam
from .input_warnings import InputWarnings
from .wepl_calibration import calibration_of


class LinkEngine(Engine):
    """An engine that finds links; see `contract.Engine`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config
        self.input_warnings = InputWarnings()
        self._calibration = calibration_of(config.apply.wepl_calibration)
        statement = statement_of(config.apply)
        self._beam = EstimatedBeam(config, statement) if statement.estimated else None
        self._tracks = self._matched = 0

    @property
    def estimated_beam(self) -> BeamEstimate | None:
        """The beam that was estimated, once frames have been seen."""
        return None if self._beam is None else self._beam.found

    @property
    def warnings(self) -> list[str]:
        """What the user should know when all frames have been seen."""
        of_beam = [] if self._beam is None else list(self._beam.warnings())
        return [*of_beam, *self.input_warnings.sentences(said_of_beam=bool(of_beam))]

    @property
    def surveys(self) -> bool:
        """Whether the beam is to be estimated."""
        return self._beam is not None

    def survey(self, examples: Columns) -> bool:
        """Take frames to estimate the beam from; return whether further ones are wanted."""
        return self._beam is not None and self._beam.survey(examples, self.links)

    def facts(self) -> dict[str, Any]:
        """Return the beam that was estimated, how WEPL is calibrated, and how many tracks a front tracker has."""
        calibration = {} if self._calibration is None else {"wepl_calibration": self._calibration.name}
        front = {"tracks_in_front": f"{self._matched} of {self._tracks} tracks have theirs in the front tracker ({self._matched / self._tracks:.1%})"} if self._tracks else {}
        return {**({} if self._beam is None else self._beam.facts()), **calibration, **front}

    @abstractmethod
    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each frame."""
        examples = examples if self._beam is None else self._beam.put_on(examples)
        columns = output_columns(examples, self.links(examples), self.config, self._calibration)
        self.input_warnings.see(examples, columns)
        if "front_x0" in columns:
            found = np.isfinite(ragged(columns, "front_x0").flat)
            self._tracks, self._matched = self._tracks + len(found), self._matched + int(found.sum())
        if self._beam is not None:
            self._beam.see(examples, columns)
        return columns
