"""A network of the user's own: it takes spikes and returns spikes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .....errors import ConfigError, InputError
from .....own_network import OwnNetwork
from ...config import PetConfig
from ...scanner.scanner import Scanner
from .distances import Distance
from .lif import StackOutput
from .published_model import PublishedModel
from .spike_network import SpikeNetwork
from .trains import SpikeTrains


class OwnSpikes(SpikeNetwork):
    """Runs the user's class, made as `CLASS(config)`, and checks what it returns; see `SpikeNetwork` for what that may be.

    It takes the spikes of `config.n_inputs` channels and returns those of `config.n_crystals`.
    """

    def __init__(self, config: PetConfig, own: OwnNetwork) -> None:
        super().__init__(own.make(config))
        self.own = own
        self.channels = config.n_crystals

    def forward(self, trains: SpikeTrains, target: SpikeTrains | None = None, distances: Sequence[Distance] = (),
                threads: int = 1) -> StackOutput:
        """Return spikes, counts and distances of the last layer."""
        try:
            with self.own.blamed(f"{self.own.class_name}.forward"):
                output = super().forward(trains, target, distances, threads)
        except InputError as error:
            # It is not the input that has other channels than the network.
            raise ConfigError(f"{self.own.path}: {error}") from None
        if output.spikes.channels != self.channels:
            raise ConfigError(f"{self.own.path}: {self.own.class_name} must return spikes of {self.channels} crystals, not of {output.spikes.channels} channels.")
        self.own.refuse_not_finite(output.counts)
        if self.module.training and torch.is_grad_enabled() and not output.counts.requires_grad:
            raise ConfigError(f"{self.own.path}: {self.own.class_name} must return spikes with gradients of its parameters, and there are none: "
                              "see whether it detaches, or runs under torch.no_grad().")
        return output


def binned_model(config: PetConfig, scanner: Scanner) -> PublishedModel:
    """Return the configured network in bins of time, with its input and loss: the published one, or one of the user's own."""
    own = config.own_network
    return PublishedModel(config.model.published, scanner, None if own is None else OwnSpikes(config, own))
