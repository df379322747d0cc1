"""Distances between trains of spikes, and their gradients with respect to the spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .....errors import InputError
from . import distance_kernel as kernel
from .trains import SpikeTrains

Array = NDArray[Any]


class Distance(Protocol):
    """A distance D of each sample and channel between output spikes S_t and target spikes."""

    def value(self, output: SpikeTrains, target: SpikeTrains) -> Array:
        """Return D, float32 (B, C)."""

    def add_gradient(self, output: SpikeTrains, target: SpikeTrains, weight: Array, gradient: Array,
                     first: int) -> None:
        """Add weight (B, C) times dD/dS_t to an array (samples, T, C), sample `first` first."""


def comparable(output: SpikeTrains, target: SpikeTrains | None) -> SpikeTrains:
    """Return the target of an output.

    Raises:
        InputError: there is none, or it has other samples, bins or channels.
    """
    if target is None:
        raise InputError("Distances between trains of spikes need a target.")
    shapes = [(len(trains), trains.steps, trains.channels) for trains in (output, target)]
    if shapes[0] != shapes[1]:
        raise InputError(f"The output has {shapes[0]} samples, bins and channels, the target {shapes[1]}.")
    return target


@dataclass(frozen=True)
class VanRossum:
    r"""Squared difference of exponentially filtered trains, van Rossum's D^2.

    With :math:`r_t = k r_{t-1} + S_t - Y_t`, :math:`k = e^{-1/\tau}`, it is :math:`\frac{1}{\tau} \sum_t r_t^2` over the
    bins of the sample: 1/2 for one spike too many or missing (tau >> 1), 1 for two far apart, about
    :math:`1 - e^{-|\Delta t|/\tau}` in between. So is the gradient smooth, :math:`dD/dS_t = \frac{2}{\tau} q_t` with
    :math:`q_t = k q_{t+1} + r_t`: it is exact for amplitudes S, and the surrogate leads it to the membrane.

    M. C. W. van Rossum, "A novel spike distance", Neural Computation 13 (2001) 751, equation 2.3.

    Attributes:
        tau: time constant in bins.
    """

    tau: float

    def value(self, output: SpikeTrains, target: SpikeTrains) -> Array:
        """Return D, float32 (B, C)."""
        decay = np.exp(-1 / self.tau)
        return kernel.van_rossum(output.events, target.events, output.steps, output.channels, decay) / np.float32(self.tau)

    def add_gradient(self, output: SpikeTrains, target: SpikeTrains, weight: Array, gradient: Array,
                     first: int) -> None:
        """Add weight (B, C) times dD/dS_t to an array (samples, T, C), sample `first` first."""
        decay, scaled = np.float32(np.exp(-1 / self.tau)), weight * np.float32(2 / self.tau)
        kernel.add_van_rossum_gradient(output.events, target.events, scaled, decay, gradient, first)


@dataclass(frozen=True)
class Chamfer:
    r"""Chamfer distance in time: from each output spike to the nearest target, and from each target to the nearest output spike.

    .. math:: D = \sum_t S_t \min(d_t, c) - \tau \sum_u \log\bigl(e^{-c/\tau} + \sum_t S_t e^{-|t - u|/\tau}\bigr)

    with :math:`d_t` the bins to the nearest target and u the targets; the second sum is a soft minimum, so that
    spikes which are not there yet have a gradient too. Times of spikes are whole bins and have no derivative:
    what is differentiated is whether there IS a spike in a bin, S_t, exactly for amplitudes S. Hence spikes do not
    slide; they vanish where they are far from targets and appear where they are near.

    H. G. Barrow et al., IJCAI 1977, p. 659, for the distance.

    Attributes:
        cap: bins c beyond which distance does not grow; also the cost of a spike or a target without a partner.
        tau: width of the soft minimum in bins.
    """

    cap: float
    tau: float = 1.0

    def value(self, output: SpikeTrains, target: SpikeTrains) -> Array:
        """Return D, float32 (B, C)."""
        return kernel.chamfer(output.events, target.events, output.steps, output.channels, self.cap, self.tau)

    def add_gradient(self, output: SpikeTrains, target: SpikeTrains, weight: Array, gradient: Array,
                     first: int) -> None:
        """Add weight (B, C) times dD/dS_t to an array (samples, T, C), sample `first` first."""
        kernel.add_chamfer_gradient(output.events, target.events, weight, self.cap, self.tau, gradient, first)
