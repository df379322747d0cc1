"""The published spiking network for coincidences of positron emission tomography.

PETNet, arXiv:2504.06730: every crystal of the scanner is an input and an output, time is cut into bins, and an
output spike says that the crystal took part in a coincidence at that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import snntorch
from numpy.typing import NDArray
from torch import nn

from .....errors import InputError
from .trains import SpikeTrains

Array = NDArray[Any]

BETA = 0.95
HINT = 0.1
"""Amplitude of the further inputs of plausible partner crystals."""


def published_network(sizes: Sequence[int] = (240, 240, 240), beta: float = BETA, learn_beta: bool = True) -> nn.Sequential:
    """Return fully connected layers of leaky integrate-and-fire neurons.

    The published ones have sizes (240, 240, 240) and (240, 240, 240, 240), and (480, 240, 240) with `with_partners`.

    Args:
        sizes: inputs, neurons of each hidden layer, outputs.
        beta: initial decay of the membranes per bin.
        learn_beta: whether the decay of each layer is learned.
    """
    return nn.Sequential(*(part for k, n in pairwise(sizes) for part in (nn.Linear(k, n), snntorch.Leaky(beta, learn_beta=learn_beta))))


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
