"""Jets of random constituents for tests of networks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

MASS = 0.13957


class Jets(NamedTuple):
    """What networks take."""

    particles: Tensor
    vectors: Tensor
    offsets: Tensor

    def of(self, numbers: list[int]) -> Jets:
        """Return some of the jets, in the given order."""
        rows = [torch.arange(int(self.offsets[b]), int(self.offsets[b + 1])) for b in numbers]
        chosen = torch.cat(rows)
        return Jets(self.particles[chosen], self.vectors[chosen], offsets([len(r) for r in rows]))


def offsets(counts: list[int]) -> Tensor:
    return torch.tensor([0, *counts]).cumsum(0)


def random_jets(counts: list[int], features: int = 5, seed: int = 0, dtype: torch.dtype = torch.float32) -> Jets:
    """Return jets of pions with random features, at the edge of the azimuth."""
    generator = torch.Generator().manual_seed(seed)
    n = sum(counts)
    particles, angles = torch.randn(n, features, generator=generator, dtype=torch.float64), torch.randn(n, 3, generator=generator, dtype=torch.float64)
    pt, eta, phi = angles[:, 0].exp(), 1 + 0.3 * angles[:, 1], 3 + 0.3 * angles[:, 2]
    momenta = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh()], -1)
    energy = (momenta.square().sum(1) + MASS**2).sqrt()
    return Jets(particles.to(dtype), torch.cat([momenta, energy[:, None]], -1).to(dtype), offsets(counts))


def turned(jets: Jets, angle: float) -> Jets:
    """Return the jets with another azimuth."""
    cos, sin = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
    px, py, pz, energy = jets.vectors.unbind(1)
    return jets._replace(vectors=torch.stack([cos * px - sin * py, sin * px + cos * py, pz, energy], -1))


def shuffled(jets: Jets) -> Jets:
    """Return the jets with their constituents in another order."""
    generator = torch.Generator().manual_seed(7)
    rows = [int(a) + torch.randperm(int(b - a), generator=generator) for a, b in zip(jets.offsets[:-1], jets.offsets[1:], strict=True)]
    order = torch.cat(rows)
    return jets._replace(particles=jets.particles[order], vectors=jets.vectors[order])


def settled(network: torch.nn.Module) -> torch.nn.Module:
    """Return the network with random moments and scales in its normalisations, ready to be applied."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_()
            elif name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif name.endswith(("c_attn", "w_resid")):
                value.uniform_(0.5, 1.5)
    return network.eval()
