"""Scores of whole sets of leaves: is this set a node of the tree, and of which height?"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ....nn.fourier import FourierFeatures
from ....nn.spectrum import LearnedSpectra
from ..config.model import ModelConfig
from .inputs import MOMENTUM_SCALE, mass_spread
from .invariants import mass, subset_members


class CladeHead(nn.Module):
    r"""Classify every subset S of the leaves as a node of height 1..C-1, or none (class 0).

    A node's decay products add up to its mass, which no pair shows once it has three or more
    children. Inputs of S: Fourier features of its invariant mass, its energy in the event frame,
    and sums over its leaves and pairs of projections of their states, so that the order of the
    leaves plays no role (a deep set, arXiv:1703.06114).

    For events of several trees a second output says of every node whether it is a whole tree; its
    momentum is then an input too, as trees are often produced at rest in a known frame.

    With `resolution` the leaves' relative momentum resolution is learned, from that start: features
    that the resolution of a set's mass hides fade, and spectra of the nodes' masses are learned.

    With `inputs` "four-vectors" the summed four-vector of S takes the place of mass and energy.

    Args:
        config: widths, periods of the Fourier features, inputs.
        classes: number of levels, C.
        forest: whether to score whole trees.

    Shapes: p4 float64 (B, n, 4), energy (B, n), leaves (B, n, width), pairs (B, n(n-1)/2,
    pair_width), both already zero for padding; member float32 (K, n) or (B, K, n) and inside
    (K, n(n-1)/2) or (B, K, n(n-1)/2), 1 for the leaves and pairs of each set; output logits
    (B, K, C) and (B, K) or None.
    """

    def __init__(self, config: ModelConfig, classes: int, forest: bool = False) -> None:
        super().__init__()
        hidden = config.clade_width
        self.sees_four_vectors = config.inputs == "four-vectors"
        self.mass_features = FourierFeatures(config.finest_scale, config.scales, config.per_octave)
        inputs = 4 if self.sees_four_vectors else self.mass_features.width + 3 + forest
        self.spectra = self.log_resolution = None
        if config.resolution > 0:
            self.log_resolution = nn.Parameter(torch.tensor(math.log(config.resolution)))
            self.spectra = LearnedSpectra(config.spectra, config.spectrum_bins, config.spectrum_range)
            inputs += config.spectra + 1
        self.from_mass = nn.Linear(inputs, hidden)
        self.from_leaves = nn.Linear(config.width, hidden, bias=False)
        self.from_pairs = nn.Linear(config.pair_width, hidden // 4, bias=False)
        self.spread_pairs = nn.Linear(hidden // 4, hidden, bias=False)
        self.hidden = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, classes)
        self.to_tree = nn.Linear(hidden, 1) if forest else None

    def forward(
        self, p4: Tensor, energy: Tensor, leaves: Tensor, pairs: Tensor, member: Tensor, inside: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return the logits of every set being a node of each height, and of being a whole tree."""
        state = self.from_mass(self._mass_inputs(p4, energy, member))
        state = state + member @ self.from_leaves(leaves)
        state = state + self.spread_pairs(inside @ self.from_pairs(pairs))
        state = torch.relu(state)
        state = torch.relu(self.hidden(state))
        return self.out(state), None if self.to_tree is None else self.to_tree(state)[..., 0]

    def _mass_inputs(self, p4: Tensor, energy: Tensor, member: Tensor) -> Tensor:
        total = member.to(p4.dtype) @ p4
        if self.sees_four_vectors:
            return (total / MOMENTUM_SCALE).float()
        masses = mass(total)
        fraction = (member.to(energy.dtype) @ energy[..., None])[..., 0] / energy.sum(-1, keepdim=True).clamp_min(1e-12)
        scalars = [(masses + 1e-3).log(), fraction, (fraction + 1e-3).log()]
        resolution = None
        if self.spectra is not None and self.log_resolution is not None:
            spread = mass_spread(p4, member, masses).float()
            resolution = spread * self.log_resolution.exp()
            scalars.extend([(spread + 1e-2).log(), *self.spectra(masses, resolution).unbind(-1)])
        if self.to_tree is not None:
            scalars.append((total[..., :3].norm(dim=-1) + 1e-2).log())
        return torch.cat([self.mass_features(masses, resolution), torch.stack([value.float() for value in scalars], -1)], -1)


def clade_targets(lcag: Tensor, n_leaves: Tensor) -> tuple[Tensor, Tensor]:
    """Return the height of every subset that is a node of the true tree, and which subsets count.

    Every ball {k: M_ik <= h} of an ultrametric matrix is a node, of height max M inside it; a 0
    between two leaves is above all levels.

    Args:
        lcag: int64 (B, n, n); padding is anything.
        n_leaves: int64 (B,).

    Returns:
        heights int64 (B, 2**n), 0 for no node; mask bool (B, 2**n): at least two leaves, no padding.
    """
    batch, n, _ = lcag.shape
    device = lcag.device
    real = torch.arange(n, device=device) < n_leaves[:, None]
    same = torch.eye(n, dtype=torch.bool, device=device)
    levels = torch.where(real[:, None, :] & real[:, :, None] & ((lcag > 0) | same), lcag, 255)
    ball = levels[..., None] <= torch.arange(1, 8, device=device)
    number = (ball * (1 << torch.arange(n, device=device))[:, None]).sum(2)
    height = torch.where(ball, levels[..., None], 0).amax(2)
    targets = torch.zeros(batch, 2**n, dtype=torch.long, device=device)
    targets.scatter_(1, number.flatten(1), height.flatten(1))
    member = subset_members(n).to(device)
    inside = member.sum(-1) == (member @ real.float().T).T
    return targets, inside & (member.sum(-1) >= 2)


def sample_sets(heights: Tensor, n_leaves: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the sets that a training step looks at, int64 (B, K), and their weights in the loss.

    All true nodes, all single leaves (weight 0: they are no nodes by definition), and `count` sets
    drawn with replacement; these stand for all sets, so that the weighted sum keeps its mean.

    Args:
        heights: of `clade_targets`, (B, 2**n).
        n_leaves: (B,).
    """
    batch, n = len(heights), int(heights.shape[1]).bit_length() - 1
    device = heights.device
    height, nodes = heights.topk(n, dim=1)
    single = (1 << torch.arange(n, device=device)).expand(batch, n)
    possible = 1 << n_leaves[:, None]
    drawn = torch.randint(0, 1 << 40, (batch, count), device=device) % possible
    false = heights.gather(1, drawn) == 0
    weight = torch.cat([(height > 0).float(), torch.zeros(batch, n, device=device), false * possible / count], 1)
    return torch.cat([nodes, single, drawn], 1), weight


def tree_targets(lcag: Tensor, background: Tensor, heights: Tensor, scored: Tensor) -> tuple[Tensor, Tensor]:
    """Return which subsets are whole trees, and which are asked: true nodes, and leaves of trees.

    Args:
        lcag: int64 (B, n, n), zero for padding.
        background: bool (B, n), true for padding.
        heights, scored: of `clade_targets`.

    Returns:
        targets and mask, bool (B, 2**n).
    """
    n = lcag.shape[1]
    own = 1 << torch.arange(n, device=lcag.device)
    together = (lcag > 0) | torch.eye(n, dtype=torch.bool, device=lcag.device)
    number = (together * own).sum(-1)
    asked = (heights > 0) & scored
    asked[:, own] = ~background
    whole = torch.zeros_like(asked).scatter_(1, number, True)
    return whole & asked, asked
