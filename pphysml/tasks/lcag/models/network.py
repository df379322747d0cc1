"""What every network shares: how leaves become numbers, and the scales of extra features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ....nn.fourier import FourierFeatures
from ..config import ModelConfig
from .inputs import MOMENTUM_SCALE, energies, leaf_inputs


class LcagNetwork(nn.Module):
    """Base of the networks: `forward(p4, n_leaves, features=None, sets=None)` returns `Output`.

    Args:
        config: widths, inputs.
        n_features: extra features per leaf.
        forest: whether events may hold several trees, and leaves of none.

    Shapes: p4 float64 (B, n, 4), zero rows are padding; n_leaves int64 (B,); features
    (B, n, n_features); sets int64 (B, K), bitmasks of the sets of leaves to score.

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
