"""What every network shares: how leaves become numbers, and the scales of extra features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....nn.fourier import FourierFeatures
from ..config.model import ModelConfig
from .inputs import MOMENTUM_SCALE, Output, energies, leaf_inputs
from .invariants import members, pair_indices, subset_members


class PairIndex(NamedTuple):
    """Which leaves each pair joins, and what is padding.

    Attributes:
        i, j: the two leaves of each pair, (P,), i < j.
        table: number of the pair (i, j), (n, n), with P on the diagonal.
        real: bool (B, n), leaves that are not padding.
        together: bool (B, P), pairs of two such leaves.
    """

    i: Tensor
    j: Tensor
    table: Tensor
    real: Tensor
    together: Tensor

    @classmethod
    def of(cls, n_leaves: Tensor, n: int) -> PairIndex:
        """Return the pairs of events of up to n leaves."""
        return cls.given(n_leaves, *(t.to(n_leaves.device) for t in pair_indices(n)))

    @classmethod
    def given(cls, n_leaves: Tensor, i: Tensor, j: Tensor, table: Tensor) -> PairIndex:
        """Return the pairs of events from what `pair_indices` returns."""
        real = real_leaves(n_leaves, table.shape[0])
        return cls(i, j, table, real, real.index_select(1, i) & real.index_select(1, j))


class LcagNetwork(nn.Module, ABC):
    """Base of the networks: from leaves to the logits of pairs and sets of leaves.

    Args:
        config: widths, inputs.
        n_features: extra features per leaf.
        forest: whether events may hold several trees, and leaves of none.

    Shapes: p4 float64 (B, n, 4), zero rows are padding; n_leaves int64 (B,); features
    (B, n, n_features); sets int64 (B, K), bitmasks of the sets of leaves to score; pair_features
    (B, n, n, features of pairs), symmetric, of networks that take them.

    Attributes:
        momentum_scale: what four-vectors are divided by if they are the input, GeV.
        leaf_features: numbers per leaf.
    """

    feature_mean: Tensor
    feature_scale: Tensor
    momentum_scale = MOMENTUM_SCALE

    def __init__(self, config: ModelConfig, n_features: int = 0, forest: bool = False) -> None:
        super().__init__()
        self.config = config
        self.forest = forest
        self.register_buffer("feature_mean", torch.zeros(n_features))
        self.register_buffer("feature_scale", torch.ones(n_features))
        self.masses = FourierFeatures(config.finest_scale, config.scales, config.per_octave)
        self.leaf_features = n_features + (4 if self.sees_four_vectors else self.masses.width + 5)

    def forward(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None = None, sets: Tensor | None = None,
                pair_features: Tensor | None = None) -> Output:
        """Return the logits of pairs, and of the given sets, else of all."""
        n = p4.shape[1]
        member = None
        if self.config.clades and sets is not None:
            member = members(sets, n)
        elif self.config.clades and n <= self.config.clade_max_leaves:
            member = subset_members(n).to(p4.device)
        return self.score(p4, n_leaves, features, PairIndex.of(n_leaves, n), member, pair_features)

    @abstractmethod
    def score(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None, index: PairIndex, member: Tensor | None,
              pair_features: Tensor | None = None) -> Output:
        """Return the logits, by tensor operations alone, so that they can be exported.

        Args:
            index: the pairs of leaves.
            member: which leaves each set holds, float32 (K, n) or (B, K, n); None scores no sets.
        """

    @property
    def smallest(self) -> int:
        """Fewest leaves of events that there is something to say about."""
        return 1 if self.forest else 2

    @property
    def sees_four_vectors(self) -> bool:
        """Whether the input is px, py, pz, E alone."""
        return self.config.inputs == "four-vectors"

    def encode_leaves(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None, frame: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Return the numbers of each leaf, float32 (B, n, leaf_features); `frame` is of `energies`, if known."""
        if self.sees_four_vectors:
            parts = [(p4 / self.momentum_scale).float()]
        else:
            energy, momentum = energies(p4, self.config.frame) if frame is None else frame
            masses, scalars = leaf_inputs(p4, energy, momentum, n_leaves)
            parts = [self.masses(masses), scalars]
        if features is not None:
            parts.append((features - self.feature_mean) / self.feature_scale)
        return torch.cat(parts, -1)


def real_leaves(n_leaves: Tensor, n: int) -> Tensor:
    """Return which of n rows are leaves, bool (B, n); an empty event keeps one (zero) leaf.

    Otherwise its softmax would have nothing to look at.
    """
    return torch.arange(n, device=n_leaves.device) < n_leaves.clamp_min(1)[:, None]
