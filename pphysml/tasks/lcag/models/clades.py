"""Scores of whole sets of leaves: is this set a node of the tree, and of which height?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ....nn.fourier import FourierFeatures
from ..invariants import mass, pair_indices, subset_members


class CladeHead(nn.Module):
    r"""Classify every subset S of the leaves as a node of height 1..C-1, or none (class 0).

    A node's decay products add up to its mass, which no pair shows once it has three or more
    children. Inputs of S: Fourier features of its invariant mass, its energy in the event frame,
    and sums over its leaves and pairs of projections of their states, so that the order of the
    leaves plays no role (a deep set, arXiv:1703.06114).

    Args:
        width, pair_width: widths of leaf and pair states.
        hidden: width of the hidden layers.
        classes: number of levels, C.
        finest, octaves: periods of the Fourier features.

    Shapes: p4 float64 (B, n, 4), energy (B, n), leaves (B, n, width), pairs (B, n(n-1)/2,
    pair_width), already zero for padding; output logits (B, 2**n, C).
    """

    def __init__(self, width: int, pair_width: int, hidden: int, classes: int, finest: float, octaves: int) -> None:
        super().__init__()
        self.mass_features = FourierFeatures(finest, octaves)
        self.from_mass = nn.Linear(self.mass_features.width + 3, hidden)
        self.from_leaves = nn.Linear(width, hidden, bias=False)
        self.from_pairs = nn.Linear(pair_width, hidden // 4, bias=False)
        self.spread_pairs = nn.Linear(hidden // 4, hidden, bias=False)
        self.hidden = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, classes)

    def forward(self, p4: Tensor, energy: Tensor, leaves: Tensor, pairs: Tensor) -> Tensor:
        """Return the logits of every set."""
        n = p4.shape[1]
        member = subset_members(n).to(p4.device)
        i, j, _ = pair_indices(n)
        inside = member[:, i] * member[:, j]
        masses = mass(member.to(p4.dtype) @ p4)
        fraction = (member.to(energy.dtype) @ energy[..., None])[..., 0] / energy.sum(-1, keepdim=True).clamp_min(1e-12)
        scalars = torch.stack([(masses + 1e-3).log(), fraction, (fraction + 1e-3).log()], -1).float()
        state = self.from_mass(torch.cat([self.mass_features(masses), scalars], -1))
        state = state + member @ self.from_leaves(leaves)
        state = state + self.spread_pairs(inside @ self.from_pairs(pairs))
        state = torch.relu(state)
        state = torch.relu(self.hidden(state))
        return self.out(state)  # type: ignore[no-any-return]


def clade_targets(lcag: Tensor, n_leaves: Tensor) -> tuple[Tensor, Tensor]:
    """Return the height of every subset that is a node of the true tree, and which subsets count.

    Every ball {k: M_ik <= h} of an ultrametric matrix is a node, of height max M inside it.

    Args:
        lcag: int64 (B, n, n); padding is anything.
        n_leaves: int64 (B,).

    Returns:
        heights int64 (B, 2**n), 0 for no node; mask bool (B, 2**n): at least two leaves, no padding.
    """
    batch, n, _ = lcag.shape
    device = lcag.device
    real = torch.arange(n, device=device) < n_leaves[:, None]
    levels = torch.where(real[:, None, :] & real[:, :, None], lcag, 255)
    ball = levels[..., None] <= torch.arange(1, 8, device=device)
    number = (ball * (1 << torch.arange(n, device=device))[:, None]).sum(2)
    height = torch.where(ball, levels[..., None], 0).amax(2)
    targets = torch.zeros(batch, 2**n, dtype=torch.long, device=device)
    targets.scatter_(1, number.flatten(1), height.flatten(1))
    members = subset_members(n).to(device)
    inside = members.sum(-1) == (members @ real.float().T).T
    return targets, inside & (members.sum(-1) >= 2)
