"""A spiking network of the user's own: run by the compiled kernels where they can, and said where not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.config import build
from pphysml.errors import ConfigError
from pphysml.own_network import Code
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.learner import pet_learner
from pphysml.tasks.petnet.models.spiking.build import build_network
from pphysml.tasks.petnet.models.spiking.trains import SpikeTrains
from pphysml.tasks.petnet.scanner.scanner import scanner_of

FILE = """
import snntorch
import torch
from torch import nn


class Chain(nn.Sequential):
    def __init__(self, config):
        super().__init__(nn.Linear(config.n_inputs, 30), snntorch.Leaky(0.9), nn.Linear(30, config.n_crystals), snntorch.Leaky(0.9))


class Few(nn.Sequential):
    def __init__(self, config):
        super().__init__(nn.Linear(config.n_inputs, 3), snntorch.Leaky(0.9))


class Recurrent(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fc = nn.Linear(config.n_inputs, config.n_crystals)
        self.neurons = snntorch.RLeaky(0.9, linear_features=config.n_crystals)

    def forward(self, spikes):
        out, mem = self.neurons.reset_mem()
        found = []
        for row in spikes:
            out, mem = self.neurons(self.fc(row), out, mem)
            found.append(out)
        return torch.stack(found)
"""


def configured(tmp_path, name, **published):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    values = {"model": {"name": f"{path}:{name}", "published": {"hidden": [30], **published}}, "data": {"scanner": "toy-240"}}
    return build(PetConfig, values, "the test", Code())


def hits(config, rng, n=200, steps=40):
    return SpikeTrains.from_arrays(rng.integers(0, 2, n), rng.integers(0, steps, n), rng.integers(0, config.n_inputs, n), samples=2, steps=steps,
                                   channels=config.n_inputs)


@pytest.mark.parametrize("geometry", [False, True])
def test_a_chain_runs_as_the_published_network_of_the_same_weights(tmp_path, geometry):
    config, scanner = configured(tmp_path, "Chain", geometry=geometry), scanner_of("toy-240")
    assert config.n_crystals == 240 and config.n_inputs == (480 if geometry else 240)
    published = config.model_copy(update={"model": config.model.model_copy(update={"name": "published"})})
    ours, theirs = build_network(config, scanner), build_network(published, scanner)
    with torch.no_grad():
        for mine, other in zip(list(ours.network)[::2], list(theirs.network)[::2], strict=True):
            mine.weight.copy_(3 * other.weight)
            other.weight.copy_(mine.weight)
            mine.bias.copy_(other.bias)
        for leaky in list(theirs.network)[1::2]:
            leaky.beta.fill_(0.9)
    trains = hits(config, np.random.default_rng(1))
    found, expected = ours.spiking.forward(trains).spikes, theirs.spiking.forward(trains).spikes
    assert len(found.time) > 20 and ours.spiking.reason is None
    for name in ("time", "channel", "start"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_other_channels_than_the_crystals_are_refused(tmp_path):
    config = configured(tmp_path, "Few")
    with pytest.raises(ConfigError, match=r"mine\.py: Few must return spikes of 240 crystals, not of 3 channels"):
        build_network(config, scanner_of("toy-240")).spiking.forward(hits(config, np.random.default_rng(1)))


def test_it_is_said_what_runs_step_by_step(tmp_path):
    config = configured(tmp_path, "Recurrent")
    learner = pet_learner(config)
    model = learner.build({})
    (said,) = learner.warnings(model)
    assert said.startswith("the network is mine.py.Recurrent,") and said.endswith("runs in snntorch, step by step")
    assert learner.warnings(build_network(configured(tmp_path, "Chain"), scanner_of("toy-240"))) == []
    output = model.spiking.forward(hits(config, np.random.default_rng(1), steps=10))
    assert output.counts.requires_grad and output.counts.shape == (2, 240)


def test_a_scanner_is_needed(tmp_path):
    with pytest.raises(ConfigError, match="needs to know the scanner"):
        _ = configured(tmp_path, "Chain").model_copy(update={"data": PetConfig().data}).n_crystals
