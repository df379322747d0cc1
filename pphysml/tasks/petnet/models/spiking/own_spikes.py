"""A network of the user's own: it takes spikes and returns spikes."""

from __future__ import annotations

from collections.abc import Sequence

from .....errors import ConfigError, InputError
from .....nn.own_output import refuse_no_gradient, refuse_not_finite
from .....own_network import OwnNetwork
from ...config import PetConfig
from .distances import Distance
from .lif import StackOutput
from .spike_network import SpikeNetwork
from .trains import SpikeTrains


class OwnSpikes(SpikeNetwork):
    """Runs the user's class, made as `CLASS(config)`, and checks what it returns.

    See `SpikeNetwork` for what the class may be.
    It takes the spikes of `config.n_inputs` channels and returns those of `config.n_crystals`.
    """

    def __init__(self, config: PetConfig, own: OwnNetwork) -> None:
        super().__init__(own.make(config))
        self.own = own
        self.channels = config.n_crystals

    def forward(self, trains: SpikeTrains, target: SpikeTrains | None = None, distances: Sequence[Distance] = (),
                threads: int = 1) -> StackOutput:
        """Return spikes, counts and distances of the last layer."""
        with self.own.reporting(f"{self.own.class_name}.forward"):
            try:
                output = super().forward(trains, target, distances, threads)
            except (ConfigError, InputError) as error:
                # Also where channels differ, the network is at fault, not the input.
                raise ConfigError(f"{self.own.path}: {error}") from error
        if output.spikes.channels != self.channels:
            raise ConfigError(f"{self.own.path}: {self.own.class_name} must return spikes of {self.channels} crystals, "
                              f"not of {output.spikes.channels} channels.")
        refuse_not_finite(self.own, output.counts)
        refuse_no_gradient(self.own, output.counts, self.module.training)
        return output
