"""The engine that applies a trained network."""

from __future__ import annotations

from typing import Any

import torch

from ....errors import ModelError
from ....io.ragged import Columns
from ....model_file import ModelFile, first_mismatch
from ..config import TrackConfig
from ..output.link_engine import LinkEngine
from ..tracks.links import Links
from .build import build_network
from .network_links import find_links


class NetworkEngine(LinkEngine):
    """Links by a network and an assignment in every layer; see `network_links`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        assert model is not None
        super().__init__(config, model, device)
        self.network = build_network(config)
        try:
            self.network.load_state_dict({name: torch.from_numpy(value) for name, value in model.network.items()})
        except RuntimeError as error:
            raise ModelError(f"The weights do not fit their own configuration: {first_mismatch(error)}.") from None
        self.network.to(device).eval()

    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""
        return find_links(self.network, examples, self.config)
