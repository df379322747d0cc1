"""The engine that applies a trained network."""

from __future__ import annotations

from typing import Any

import torch

from ....contract import Engine
from ....errors import FileName, ModelError
from ....io.ragged import Columns
from ....model_file import ModelFile
from ....nn.network_weights import with_weights
from ..config import LcagConfig
from ..output.columns import hypothesis_columns, output_columns
from ..reading.large_events import cost_of_large
from .build import build_network
from .calibration import Calibration
from .reconstruct import reconstruct
from .stored import check_scales


class NetworkEngine(Engine):
    """The trained network and the decoder; see `reconstruct`."""

    def __init__(self, config: LcagConfig, model: ModelFile | None, device: Any) -> None:
        if model is None:
            raise ModelError("The engine 'network' needs weights; give --model RUN.")
        self.config, self.rules, self.pdg_ids = config.apply, config.data.rules, config.data.hypotheses
        self.device = torch.device(device)
        check_scales(config, model)
        self.network = with_weights(lambda: build_network(config, model.prepared), model)
        self.network.to(self.device).eval()
        self.calibration = Calibration.stored(model.finished)

    def costs(self, examples: Columns, named: FileName) -> list[str]:
        """Return what the largest event takes, if that is much."""
        return cost_of_large(examples, named)

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each event."""
        found = reconstruct(self.network, examples, self.config, self.rules, self.device, self.calibration)
        return {**output_columns(examples, found, self.rules), **hypothesis_columns(found, self.pdg_ids)}
