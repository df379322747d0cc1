"""Optimiser, learning-rate schedule, and the average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ..errors import ConfigError
from .config import TrainingConfig


def make_optimizer(parameters: Iterable[Tensor], config: TrainingConfig) -> torch.optim.Optimizer:
    """Return AdamW (I. Loshchilov, F. Hutter, arXiv:1711.05101); only matrices decay."""
    every = list(parameters)
    matrices, others = [p for p in every if p.ndim >= 2], [p for p in every if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Return the rate of a step: linear warm-up, then a half cosine to its final fraction."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    floor = config.final_learning_rate
    return config.learning_rate * (floor + (1 - floor) * cosine)


class Average:
    """Exponential moving average of the weights, shorter at the start of the training.

    Args:
        like: the network's own weights, on whose devices the average is kept.

    The decay of step t is min(decay, (1 + t) / (10 + t)), as in TensorFlow's implementation of
    B. Polyak, A. Juditsky, SIAM J. Control Optim. 30 (1992) 838.
    """

    def __init__(self, weights: dict[str, Tensor], decay: float, like: Mapping[str, Tensor] | None = None) -> None:
        self.decay = decay
        # Those of a checkpoint are on the CPU.
        of = weights if like is None else like
        self.weights = {name: value.detach().to(of[name].device, copy=True) for name, value in weights.items()}

    @torch.no_grad()
    def update(self, weights: Iterable[tuple[str, Tensor]], step: int) -> None:
        """Move the average towards the current weights; integers have no average, and are taken as they are."""
        decay = min(self.decay, (1 + step) / (10 + step))
        kept, new = [], []
        for name, value in weights:
            if name not in self.weights:
                raise ConfigError(f"The network has got a part {name!r} while it was trained: let it be made with all "
                                  "its parameters and buffers.")
            if not value.is_floating_point():
                self.weights[name].copy_(value)
                continue
            kept.append(self.weights[name])
            new.append(value.detach())
        torch._foreach_lerp_(kept, new, 1 - decay)
