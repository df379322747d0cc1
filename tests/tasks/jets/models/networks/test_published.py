"""Published weights come under the names of the networks here, and give the same outputs as in weaver-core."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pphysml.nn.network_weights import mismatch
from pphysml.tasks.jets.models.networks.kinematics import points
from pphysml.tasks.jets.models.networks.particle_flow import ParticleFlowNetwork
from pphysml.tasks.jets.models.networks.particle_net import ParticleNet
from pphysml.tasks.jets.models.networks.particle_transformer import ParticleTransformer
from pphysml.tasks.jets.models.networks.published import published_weights

from .random_jets import random_jets

COUNTS = [5, 1, 30, 64, 2, 40, 17]
CONVOLUTIONS = [(16, (64, 64, 64)), (16, (128, 128, 128)), (16, (256, 256, 256))]


def test_weights_of_the_first_publication_of_the_transformer_are_named_as_here():
    """It had torch's own attention, inside a module "mod"."""
    network = ParticleTransformer(5, 3, jet_inputs=1)
    given = {}
    for name, value in network.state_dict().items():
        if name == "of_jets.weight":
            continue
        old = name.replace("in_proj.", "in_proj_").replace("fc.layers.0", "fc.0")
        given[f"mod.{old}"] = value[..., None] if name.startswith("pair_embed") and value.dim() == 2 else value
        if name.endswith("running_var"):
            given[f"mod.{old.replace('running_var', 'num_batches_tracked')}"] = torch.tensor(7)
    found = published_weights(given, network)
    assert mismatch(network, found) == ""
    assert not found["of_jets.weight"].any()
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items() if name != "of_jets.weight")


def test_weights_of_other_sizes_stay_a_mismatch():
    given = {f"mod.{name}": value for name, value in ParticleTransformer(6, 3).state_dict().items()}
    network = ParticleTransformer(5, 3)
    assert mismatch(network, published_weights(given, network))
    assert mismatch(network, published_weights({}, network))


def test_weights_of_the_published_particle_flow_network_are_named_as_here():
    network, layers = ParticleFlowNetwork(5, 3), [nn.Sequential(nn.Linear(128, 128), nn.ReLU()) for _ in range(3)]
    theirs = nn.Module()
    theirs.phi = nn.Sequential(*(nn.Sequential(nn.Conv1d(n, 128, 1), nn.Identity(), nn.ReLU()) for n in (5, 128, 128)))
    theirs.fc = nn.Sequential(*layers, nn.Linear(128, 3))
    found = published_weights(theirs.state_dict(), network)
    assert mismatch(network, found) == ""
    network.load_state_dict(found)
    jets = random_jets([4, 9])
    summed = torch.stack([theirs.phi(part.T[None])[0].sum(1) for part in jets.particles.split([4, 9])])
    assert torch.allclose(network(*jets), theirs.fc(summed), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_transformer_gives_what_weaver_gives(dtype):
    weaver = pytest.importorskip("weaver.nn.model.ParticleTransformer")
    torch.manual_seed(1)
    theirs = random_moments(weaver.ParticleTransformer(17, num_classes=10, use_pre_activation_pair=False, trim=False).to(dtype))
    network = given(ParticleTransformer(17, 10).to(dtype), theirs)
    jets = random_jets(COUNTS, 17, dtype=dtype)
    particles, mask = padded(jets.particles, 70)
    expected = theirs(particles, padded(jets.vectors, 70)[0], mask)
    assert torch.allclose(network(*jets), expected, atol=1e-10 if dtype == torch.float64 else 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_particle_net_gives_what_weaver_gives(dtype):
    weaver = pytest.importorskip("weaver.nn.model.ParticleNet")
    torch.manual_seed(1)
    theirs = random_moments(weaver.ParticleNet(17, 10, CONVOLUTIONS, [(256, 0.1)], use_fusion=False, trim=False).to(dtype))
    network = given(ParticleNet(17, 10).to(dtype), theirs)
    jets = random_jets(COUNTS, 17, dtype=dtype)
    angles = points(jets.vectors, torch.repeat_interleave(jets.offsets.diff()), len(COUNTS))
    particles, mask = padded(jets.particles, 70)
    expected = theirs(padded(angles, 70)[0], particles, mask)
    assert torch.allclose(network(*jets), expected, atol=1e-10 if dtype == torch.float64 else 1e-5)


def given(network: nn.Module, theirs: nn.Module) -> nn.Module:
    network.load_state_dict(published_weights({f"mod.{name}": value for name, value in theirs.state_dict().items()}, network))
    return network.eval()


def random_moments(network: nn.Module) -> nn.Module:
    for name, value in network.named_buffers():
        if name.endswith("running_mean"):
            value.normal_()
        elif name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
    return network.eval()


def padded(rows: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Return rows as (jets, values, places), and which are real, (jets, 1, places)."""
    real = torch.arange(longest) < torch.tensor(COUNTS)[:, None]
    places = rows.new_zeros(*real.shape, rows.shape[1]).masked_scatter(real[..., None], rows)
    return places.transpose(1, 2).contiguous(), real[:, None]
