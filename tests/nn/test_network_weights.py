"""Weights that fit a network, and what is said of others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pphysml.errors import ModelError
from pphysml.model_file import ModelFile
from pphysml.nn.network_weights import mismatch, with_weights


def test_weights_are_those_of_the_file():
    network, other = nn.Linear(3, 2), nn.Linear(3, 2)
    weights = {name: value.numpy() for name, value in other.state_dict().items()}
    assert mismatch(network, weights) == ""
    loaded = with_weights(lambda: network, ModelFile({}, weights))
    assert loaded is network and all(torch.equal(network.state_dict()[name], value) for name, value in other.state_dict().items())


@pytest.mark.parametrize(("change", "said"), [
    ({"weight": np.zeros((2, 4), np.float32)}, r"weight has the shape \(2, 4\), not \(2, 3\)\.$"),
    ({"weight": None}, r"there is no weight\.$"),
    ({"more": np.zeros(1, np.float32)}, r"more is not in the network\.$"),
    ({"weight": None, "bias": None, "more": np.zeros(1)}, "there is no weight, and 2 more"),
])
def test_the_first_difference_is_named(change, said):
    network = nn.Linear(3, 2)
    weights = {name: value.numpy() for name, value in network.state_dict().items()} | change
    with pytest.raises(ModelError, match=said):
        with_weights(lambda: network, ModelFile({}, {name: value for name, value in weights.items() if value is not None}))
