r"""A spiking network for coincidences that takes times as they are, without bins.

The spikes of crystal c pass a delay :math:`d_c`. Every pair of crystals has a coincidence neuron, leaky integrate and
fire, whose membrane gains :math:`w` at each of its two inputs and decays with :math:`\tau` in between. So at the second
spike it is

.. math:: V = w (1 + e^{-|\Delta|/\tau}), \qquad \Delta = (t_j + d_j) - (t_i + d_i),

and the neuron fires at that time, the later of the two, if V exceeds the threshold, 1 without loss of generality.
The neurons of one class of lines (see `LineClasses`) have one weight in common. With :math:`w = 1/(1 + e^{-a})` a neuron
never fires at one spike alone, and at two exactly if :math:`|\Delta| < a \tau`: `a` is its window in time
constants. It is the sum of what the transaxial step and the two rings of the class are trained to give; that of
lines which photons of one annihilation do not take gets negative.

The soft spike has the logit :math:`\kappa (V - 1)`. Its gradients, such as
:math:`\partial V / \partial d_i = \mathrm{sgn}(\Delta) (w/\tau) e^{-|\Delta|/\tau}`, are exact: membranes are smooth in the times of
spikes, and no surrogate is needed. Lateral inhibition lets each single be in one pair: logits are the weights of
the edges of a random matching, `nn.matching`. A pair without rivals has a probability above 1/2 exactly if its neuron fires.

What lies further back than the window of candidates is left out: a crystal is dead for longer than membranes remember.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CoincidenceNetwork(nn.Module):
    """Logits of pairs, see the module; all parameters are trained.

    Args:
        crystals, steps, rings: how many crystals, transaxial steps and pairs of rings.
        tau: initial time constant, ps; times and delays are counted in it.
        window: initial a of all lines.
        sharpness: initial kappa.
    """

    def __init__(self, crystals: int, steps: int, rings: int, tau: float, window: float, sharpness: float) -> None:
        super().__init__()
        self.unit = tau
        self.delay = nn.Parameter(torch.zeros(crystals))
        self.step_window = nn.Parameter(torch.full((steps,), float(window)))
        self.ring_window = nn.Parameter(torch.zeros(rings))
        self.log_tau = nn.Parameter(torch.tensor(0.0))
        self.log_sharpness = nn.Parameter(torch.tensor(float(sharpness)).log())

    @property
    def delays(self) -> Tensor:
        """Delays of the crystals' spikes, ps, (C,), the mean of which means nothing: it is taken off."""
        return self.unit * (self.delay - self.delay.mean())

    @property
    def tau(self) -> Tensor:
        """Time constant, ps."""
        return self.unit * self.log_tau.exp()

    def window(self, step: Tensor, rings: Tensor) -> Tensor:
        """Return a of lines by their class, (P,)."""
        return self.step_window[step] + self.ring_window[rings]

    def membrane(self, dt: Tensor, first: Tensor, second: Tensor, step: Tensor, rings: Tensor) -> Tensor:
        """Return the membrane at the second spike over the threshold, (P,).

        Args:
            dt: time of the second single less that of the first, in initial time constants, (P,).
            first, second: crystals, int64 (P,); step, rings: class of their line, int64 (P,).
        """
        delta = dt + self.delay[second] - self.delay[first]
        return torch.sigmoid(self.window(step, rings)) * (1 + torch.exp(-delta.abs() / self.log_tau.exp()))

    def forward(self, dt: Tensor, first: Tensor, second: Tensor, step: Tensor, rings: Tensor) -> Tensor:
        """Return the logits of spikes, (P,); see `membrane`."""
        return self.log_sharpness.exp() * (self.membrane(dt, first, second, step, rings) - 1)
