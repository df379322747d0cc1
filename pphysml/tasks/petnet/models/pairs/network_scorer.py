"""Scores of pairs by a trained network."""

from __future__ import annotations

import numpy as np
import torch

from .....io.ragged import Array
from ...coincidences.candidates import Candidates
from .features import PairFeatures
from .network import PairNetwork
from .scoring import Scorer


def by_network(network: PairNetwork) -> Scorer:
    """Return a scorer that corrects the likelihood with a network."""
    device = next(network.parameters()).device

    def score(features: PairFeatures, pairs: Candidates, n_singles: int) -> tuple[Array, Array]:
        """Return the same as the network tells it."""
        values = (torch.from_numpy(of.astype(np.float32)).to(device) for of in features)
        ends = (torch.from_numpy(of).to(device) for of in (pairs.first, pairs.second))
        with torch.no_grad():
            factor, unscattered = network(*values, *ends, n_singles)
        return factor.cpu().numpy().astype(np.float64), torch.sigmoid(unscattered).cpu().numpy().astype(np.float64)

    return score
