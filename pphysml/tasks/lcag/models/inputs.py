"""What the networks are told of leaves, pairs and sets: Lorentz invariants, or energies in one frame."""

from __future__ import annotations

import itertools
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from .invariants import event_frame, mass, minkowski

Frame = Literal["event", "input"]

MOMENTUM_SCALE = 20.0
"""What four-vectors are divided by where they are the input, GeV."""

FIRST, SECOND = (list(index) for index in zip(*itertools.combinations_with_replacement(range(4), 2), strict=True))
TIMES = [1.0 if a == b else 2.0 for a, b in zip(FIRST, SECOND, strict=True)]
"""The ten products of two components of a four-vector, and how often each is in a quadratic form."""


ROUNDING = 1e-14
"""Relative size of rounding errors in sums of float64 products."""


class Output(NamedTuple):
    """Logits of a network.

    Attributes:
        pairs: (B, n(n-1)/2, C), pair (i, j) with i < j in the order of `pair_indices`; class 0 is
            a pair of leaves of different trees.
        clades: (B, 2**n, C), or None if sets of leaves are not scored.
        background: (B, n), log-odds of a leaf being in no tree; None where every event is one tree.
        trees: (B, 2**n), log-odds of a node being a whole tree; None as `background` or `clades`.
        hypotheses: (B, n, K + 1), mass hypotheses of leaves, 0 for none of K; None if there are none.
    """

    pairs: Tensor
    clades: Tensor | None = None
    background: Tensor | None = None
    trees: Tensor | None = None
    hypotheses: Tensor | None = None

    def part(self, which: slice) -> Output:
        """Return the logits of some of the scored sets."""
        clades, trees = (None if t is None else t[:, which] for t in (self.clades, self.trees))
        return self._replace(clades=clades, trees=trees)

    def of_sets(self, sets: Tensor) -> Output:
        """Return the logits of the given sets, int64 (B, K), where all were scored."""
        trees = None if self.trees is None else self.trees.gather(1, sets)
        clades = self.clades
        if clades is not None:
            clades = clades.gather(1, sets[..., None].expand(-1, -1, clades.shape[2]))
        return self._replace(clades=clades, trees=trees)


def energies(p4: Tensor, frame: Frame) -> tuple[Tensor, Tensor]:
    """Return each leaf's energy and momentum, (B, n): in the rest frame of the event's sum, or as given."""
    if frame == "event":
        return event_frame(p4)
    return p4[..., 3], p4[..., :3].norm(dim=-1)


def leaf_inputs(p4: Tensor, energy: Tensor, momentum: Tensor, n_leaves: Tensor) -> tuple[Tensor, Tensor]:
    """Return the masses (B, n) and float32 scalars (B, n, 5) of leaves."""
    masses = mass(p4)
    count = (n_leaves[:, None].expand_as(energy) / 10.0).to(energy.dtype)
    total = energy.sum(-1, keepdim=True).expand_as(energy)
    return masses, torch.stack([log(energy), log(momentum), log(masses), count, log(total)], -1).float()


def pair_inputs(p4: Tensor, energy: Tensor, momentum: Tensor, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
    """Return the masses (B, P) and float32 scalars (B, P, 4) of pairs."""
    a, b = p4.index_select(1, i), p4.index_select(1, j)
    each = energy.index_select(1, i), energy.index_select(1, j)
    masses = mass(a + b)
    excess = (masses - mass(a) - mass(b)).clamp_min(0)
    product = momentum.index_select(1, i) * momentum.index_select(1, j)
    cosine = (each[0] * each[1] - minkowski(a, b)) / product.clamp_min(1e-12)
    softer = torch.minimum(*each)
    return masses, torch.stack([log(masses), log(excess), cosine.clamp(-1, 1), log(softer)], -1).float()


def mass_spread(p4: Tensor, member: Tensor, masses: Tensor) -> Tensor:
    r"""Return how far the mass of each set moves if its leaves' momenta move by the same share each.

    With :math:`E_i` recomputed from :math:`p_i`, :math:`m\,dm/d\ln p_i = E p_i^2/E_i - \vec P\vec p_i`,
    added in squares over the leaves: the resolution of the mass for a relative resolution of one.

    Shapes: p4 float64 (B, n, 4), member float (2**n, n), masses (B, 2**n); returns (B, 2**n), GeV.
    """
    momenta, energy = p4[..., :3], p4[..., 3:]
    step = torch.cat([-momenta, momenta.square().sum(-1, keepdim=True) / energy.clamp_min(1e-9)], -1)
    total = member.to(p4.dtype) @ p4
    terms = member.to(p4.dtype) @ (step[..., FIRST] * step[..., SECOND])
    form = terms * total[..., FIRST] * total[..., SECOND] * p4.new_tensor(TIMES)
    square = form.sum(-1)
    # Of a single leaf nothing is left but rounding errors, which are others in every library.
    square = torch.where(square > ROUNDING * total[..., 3].square().square(), square, 0.0)
    spread: Tensor = square.sqrt() / masses.clamp_min(1e-3)
    return spread


def log(value: Tensor) -> Tensor:
    """Return the logarithm of a non-negative quantity, bounded below at 1e-3 GeV."""
    return value.clamp_min(1e-3).log()
