"""The engine that applies a trained network."""

from __future__ import annotations

from typing import Any

from ....io.ragged import Columns
from ....model_file import ModelFile
from ....nn.network_weights import with_weights
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
        self.network = with_weights(lambda: build_network(config), model)
        self.network.to(device).eval()

    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""
        return find_links(self.network, examples, self.config)
