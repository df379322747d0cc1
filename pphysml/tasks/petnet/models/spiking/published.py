"""The published spiking network for coincidences of positron emission tomography.

PETNet, arXiv:2504.06730: every crystal of the scanner is an input and an output, time is cut into bins, and an
output spike says that the crystal took part in a coincidence at that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .....errors import InputError
from .distances import Distance
from .lif import StackOutput, lif_stack
from .trains import SpikeTrains

Array = NDArray[Any]

BETA = 0.95
HINT = 0.1
"""Amplitude of the further inputs of plausible partner crystals."""


class Leaky(nn.Module):
    """Parameters of a layer of leaky integrate-and-fire neurons, under the names of snntorch's `Leaky`.

    Args:
        beta: decay of the membrane per bin, in [0, 1].
        learn_beta: whether beta is a parameter.
    """

    beta: Tensor

    def __init__(self, beta: float = BETA, learn_beta: bool = True) -> None:
        super().__init__()
        if learn_beta:
            self.beta = nn.Parameter(torch.tensor(beta))
        else:
            self.register_buffer("beta", torch.tensor(beta))
        self.register_buffer("threshold", torch.tensor(1.0))
        self.register_buffer("graded_spikes_factor", torch.tensor(1.0))
        self.register_buffer("reset_mechanism_val", torch.tensor(0))


class SpikingNetwork(nn.Module):
    """Fully connected layers of leaky integrate-and-fire neurons, on lists of events.

    The state has the names of `nn.Sequential(nn.Linear, snntorch.Leaky, nn.Linear, snntorch.Leaky, ...)`, and either
    loads that of the other; neurons are those of `snntorch.Leaky(beta, learn_beta=True)` with all else at its default.
    The published ones have sizes (240, 240, 240) and (240, 240, 240, 240), and (480, 240, 240) with `with_partners`.

    Args:
        sizes: inputs, neurons of each hidden layer, outputs.
        beta: initial decay per bin.
        learn_beta: whether the decay of each layer is learned.
    """

    def __init__(self, sizes: Sequence[int] = (240, 240, 240), beta: float = BETA, learn_beta: bool = True) -> None:
        super().__init__()
        for i, (k, n) in enumerate(pairwise(sizes)):
            self.add_module(str(2 * i), nn.Linear(k, n))
            self.add_module(str(2 * i + 1), Leaky(beta, learn_beta))

    def layers(self) -> list[tuple[Tensor, Tensor | None, Tensor]]:
        """Return weight, bias and beta within [0, 1] of each layer, on the CPU, where the loops over events are."""
        parts = list(self.children())
        return [(fc.weight.cpu(), fc.bias.cpu(), lif.beta.clamp(0, 1).cpu()) for fc, lif in zip(parts[::2], parts[1::2], strict=True)]  # type: ignore[misc,operator]

    def forward(self, trains: SpikeTrains, target: SpikeTrains | None = None, distances: Sequence[Distance] = (),
                threads: int = 1) -> StackOutput:
        """Return spikes, counts and distances of the last layer, see `lif_stack`."""
        return lif_stack(trains, self.layers(), target=target, distances=distances, threads=threads)


def opposite_crystals(per_ring: int, rings: int, spread: int) -> Array:
    """Return the crystals opposite to each, within `spread` crystals along the ring and `spread` rings.

    Crystal i is number i % per_ring of ring i // per_ring. Opposite to a ring is its mirror image about the centre.

    Returns:
        int64 (C, (2 spread + 1)^2), -1 where the scanner ends.
    """
    ring, place = np.divmod(np.arange(per_ring * rings), per_ring)
    around = np.arange(-spread, spread + 1)
    place = (place[:, None, None] + per_ring // 2 + around) % per_ring
    ring = rings - 1 - ring[:, None, None] + around[:, None]
    found = np.where((ring >= 0) & (ring < rings), ring * per_ring + place, -1)
    return found.reshape(per_ring * rings, -1)


def with_partners(trains: SpikeTrains, partners: Array, value: float = HINT) -> SpikeTrains:
    """Add as many channels again, with an event of `value` at every plausible partner of every hit.

    Args:
        trains: hits of C crystals.
        partners: int (C, P), see `opposite_crystals`; -1: none.
        value: amplitude of the further events.
    """
    if len(partners) != trains.channels:
        raise InputError(f"The table of partners is for {len(partners)} crystals, the hits have {trains.channels}.")
    partner = partners[trains.channel]
    hit, _ = np.nonzero(partner >= 0)
    return SpikeTrains.from_arrays(
        np.concatenate([trains.sample, trains.sample[hit]]), np.concatenate([trains.time, trains.time[hit]]),
        np.concatenate([trains.channel, trains.channels + partner[partner >= 0]]), samples=len(trains), steps=trains.steps,
        channels=2 * trains.channels, value=np.concatenate([trains.value, value * trains.value[hit]]))
