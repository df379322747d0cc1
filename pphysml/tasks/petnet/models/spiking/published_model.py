"""The published spiking network with its input and loss, as it is trained."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from .....contract import Batch
from .....io.ragged import Array
from ...config.spiking import PublishedConfig
from ...scanner.scanner import Scanner
from .losses import SpikeLoss
from .published import published_network
from .published_input import Hits
from .spike_network import SpikeNetwork
from .trains import SpikeTrains

COLUMNS = ("sample", "bin", "crystal")
"""Of hits, and of the spikes that are wanted."""


class PublishedModel(nn.Module):
    """Takes and returns tensors only, as what surrounds modules in a training wants.

    Args:
        options: bins, loss and decoding; without `spiking` also the network.
        scanner: whose crystals are the channels.
        spiking: another network in the place of the published one.

    Attributes:
        network: the network, whose parameters are learned.
        spiking: runs it.
    """

    def __init__(self, options: PublishedConfig, scanner: Scanner, spiking: SpikeNetwork | None = None) -> None:
        super().__init__()
        self.options = options
        self.scanner = scanner
        self.loss = SpikeLoss(options.loss, options.timing_weight, options.loss_tau, options.loss_cap)
        self.spiking = spiking or SpikeNetwork(_initial_network(options, scanner.n_crystals))
        self.network = self.spiking.module

    def forward(self, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Return total and count of each term of the loss.

        Args:
            batch: `hit_` and `spike_` with the endings `COLUMNS`, int64 (N,) and (M,), and the numbers `samples` and `steps`.
        """
        samples, steps = int(batch["samples"]), int(batch["steps"])
        sample, bins, crystal = _arrays(batch, "hit")
        hits = Hits(np.arange(len(bins)), sample, bins, crystal, samples)
        target = SpikeTrains.from_arrays(*_arrays(batch, "spike"), samples=samples, steps=steps, channels=self.scanner.n_crystals)
        output = self.spiking.forward(hits.trains(steps, self.scanner, self.options), target, self.loss.distances)
        return {name: (term.total, term.count) for name, term in self.loss(output, target).items()}


def _initial_network(options: PublishedConfig, crystals: int) -> nn.Module:
    network = published_network([crystals * (2 if options.geometry else 1), *options.hidden, crystals], options.beta, options.learn_beta)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.endswith("beta"):
                parameter.mul_(options.weight_gain if name.endswith("weight") else options.bias_gain)
    return network


def _arrays(batch: Batch, kind: str) -> list[Array]:
    return [batch[f"{kind}_{name}"].cpu().numpy() for name in COLUMNS]
