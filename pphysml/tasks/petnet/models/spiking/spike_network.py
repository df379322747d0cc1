"""A spiking network on lists of events, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from .accelerate import accelerate
from .distances import Distance
from .lif import StackOutput
from .trains import SpikeTrains


class SpikeNetwork:
    """Runs a network in the compiled kernels, or in snntorch where these do not compute it; see `accelerate`.

    Args:
        module: an `nn.Sequential` of layers of torch and neurons of snntorch; or a module whose forward takes spikes as
            float32 (T, B, C), T bins, B samples, C channels, and returns those of its outputs, (T, B, C').
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    @property
    def reason(self) -> str | None:
        """Why the network does not run in the compiled kernels, a sentence without full stop; None if it does."""
        return accelerate(self.module).reason

    def forward(self, trains: SpikeTrains, target: SpikeTrains | None = None, distances: Sequence[Distance] = (),
                threads: int = 1) -> StackOutput:
        """Return spikes, counts and distances of the last layer, with gradients for the module's parameters.

        Args:
            trains: input.
            target: spikes that `distances` are taken from.
            distances: further outputs, see `distances`.
            threads: threads for samples, in the compiled kernels.

        Raises:
            ConfigError, InputError: as of `Stepped` and `lif_stack`.
        """
        return accelerate(self.module)(trains, target, distances, threads)
