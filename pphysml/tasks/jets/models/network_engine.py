"""The engine that applies what was trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract import Engine
from ....io.ragged import Columns
from ....model_file import ModelFile
from ....nn.network_weights import with_weights
from ..config import JetsConfig
from ..output.columns import score_columns
from .build import build_network
from .resonance_masses import stated_or_true
from .scoring import scored


class NetworkEngine(Engine):
    """Scores of jets by trained weights; see `contract.Engine`."""

    def __init__(self, config: JetsConfig, model: ModelFile, device: Any) -> None:
        self.config = config
        self.prepared = model.prepared
        self.finished = model.finished
        self.device = device
        self.without_flat = 0
        self.network = with_weights(lambda: build_network(config, model.prepared), model)
        self.network.to(device).eval()

    def __call__(self, examples: Columns) -> Columns:
        """Return the scores of all jets."""
        probabilities, ratios = scored(self.network, examples, self.config, self.prepared, self.device)
        flat = None
        if self.config.model.fits_map:
            from .flat_scores import coordinates_of, flat_scores

            mass = stated_or_true(examples, self.config, self.prepared)
            flat = flat_scores(ratios, coordinates_of(examples, self.config, mass), self.finished, self.config)
            self.without_flat += 0 if flat is None else int(np.isnan(flat).any(1).sum())
        return score_columns(probabilities, ratios, flat, self.config)

    @property
    def warnings(self) -> list[str]:
        """Whether the map that was asked for could not be fitted, and how many jets it could not be used for."""
        lacks = self.config.model.fits_map and not self.finished
        found = ["the model has no map that makes scores flat: there were too few background jets to validate with"] if lacks else []
        if self.without_flat:
            found.append(f"{self.without_flat} jets have no flat score, NaN, since {' or '.join(self.config.model.against)} is not a number")
        return found

    def facts(self) -> dict[str, int]:
        """Return how many jets have no flat score, if any."""
        return {"without_flat_score": self.without_flat} if self.without_flat else {}
