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


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int64, np.uint8])
def test_weights_have_the_types_of_the_network(kind):
    network = nn.Linear(3, 2)
    weights = {name: value.numpy().astype(kind) for name, value in network.state_dict().items()}
    with pytest.raises(ModelError, match=f"weight is {np.dtype(kind).name}, not float32, and 1 more"):
        with_weights(lambda: network, ModelFile({}, weights))


def test_no_network_is_made_that_is_larger_than_its_weights():
    made = []

    def layers(count):
        for _ in range(count):
            made.append(nn.Linear(30, 20))
        return nn.Sequential(*made)

    weights = {name: value.numpy() for name, value in layers(1).state_dict().items()}
    with pytest.raises(ModelError, match="of a larger network than its weights"):
        with_weights(lambda: layers(10**9), ModelFile({}, weights))
    assert len(made) < 10
    # Networks that are made afterwards are not looked at.
    assert mismatch(layers(2), {}).startswith("there is no 0.weight")
