"""The engine `pairs`, which corrects the likelihood with a trained network."""

from __future__ import annotations

from typing import Any

from .....errors import ModelError
from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...config import PetConfig
from .learner import build_network
from .likelihood_engine import LikelihoodEngine
from .network_scorer import by_network
from .scoring import Scorer


class PairsEngine(LikelihoodEngine):
    """The same with a trained network, which sees besides what pairs share singles with a pair."""

    def __init__(self, config: PetConfig, model: ModelFile | None, device: Any) -> None:
        assert model is not None
        super().__init__(config, model, device)
        if config.model.name != "pairs":
            raise ModelError(f"The weights are of the network {config.model.name!r}, which the engine snn applies, and not pairs: give --engine snn.")
        self.network = with_weights(lambda: build_network(config), model).to(device).eval()

    @property
    def scorer(self) -> Scorer:
        """What turns features into scores."""
        return by_network(self.network)
