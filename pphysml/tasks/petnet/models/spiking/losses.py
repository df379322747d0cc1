"""Losses of spiking networks: published ones, and ones whose timing has a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....contract import Term
from ...config.spiking import LossName
from .distances import Chamfer, Distance, VanRossum
from .lif import StackOutput
from .trains import SpikeTrains

Array = NDArray[Any]


@dataclass(frozen=True)
class SpikeLoss:
    """Terms of the loss between the output of a network and target spikes.

    - `count`: the mean of (counts - target counts)^2 / T, published.
    - `published_timing`: the summed |counts - target counts| / T, and squared differences of time. The latter have
      no gradient, as in the published program: they are taken from lists of spikes. Kept to reproduce it.
    - `van_rossum`: `count`, and `VanRossum` per sample.
    - `chamfer`: `count`, and `Chamfer` per sample.

    Attributes:
        name: one of these.
        weight: factor of the timing.
        tau: time constant of `VanRossum`, width of the soft minimum of `Chamfer`, in bins.
        cap: largest distance in time of `Chamfer`, in bins.
    """

    name: LossName = "count"
    weight: float = 0.1
    tau: float = 5.0
    cap: float = 20.0

    @property
    def distances(self) -> Sequence[Distance]:
        """What the network is to return beside counts."""
        if self.name == "van_rossum":
            return (VanRossum(self.tau),)
        return (Chamfer(self.cap, self.tau),) if self.name == "chamfer" else ()

    def __call__(self, output: StackOutput, target: SpikeTrains) -> dict[str, Term]:
        """Return the terms; the output was made with the target and `distances`."""
        wrong = output.counts - output.counts.new_tensor(target.counts())
        samples, steps = len(target), target.steps
        if self.name == "published_timing":
            timing = output.counts.new_tensor(published_timing(output.spikes, target) / steps)
            one = wrong.new_ones(())
            return {"count": Term(wrong.abs().sum() / steps, one), "timing": Term(timing, one, self.weight)}
        terms = {"count": Term((wrong**2).sum() / steps, wrong.new_tensor(wrong.numel()))}
        if output.distances:
            terms["timing"] = Term(output.distances[0].sum(), wrong.new_tensor(samples), self.weight)
        return terms


def published_timing(output: SpikeTrains, target: SpikeTrains) -> float:
    """Return the summed squared difference of time over T^2 of output spikes and the targets they are given.

    The published program means the nearest target of the crystal, but compares differences with their
    sign: the earliest is taken that no earlier spike took. So the i-th spike goes with the i-th target.
    """
    found = [_by_rank(trains) for trains in (output, target)]
    _, mine, theirs = np.intersect1d(found[0][0], found[1][0], assume_unique=True, return_indices=True)
    difference = found[0][1][mine] - found[1][1][theirs]
    return float((difference**2).sum() / target.steps**2)


def _by_rank(trains: SpikeTrains) -> tuple[Array, Array]:
    """Return a key of sample, channel and number of the spike within them, and the time of that spike."""
    train = trains.sample * trains.channels + trains.channel
    order = np.argsort(train, kind="stable")
    train = train[order]
    rank = np.arange(len(train)) - np.searchsorted(train, train)
    return train * trains.steps + rank, trains.time[order].astype(np.float64)
