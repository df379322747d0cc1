"""What keeps the scores of background from showing the mass, or several variables, while a network is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ....decorrelation.adversary import MassBins, MassMixture, equal_bins
from ....decorrelation.distance_correlation import disco
from ....decorrelation.moment_loss import moment_loss
from ....io.ragged import Array
from ....training.processes import gather_rows
from ..config import JetsConfig
from .discriminants import log_ratios

BINS = 10
"""Of equal numbers of background jets, whose mass the adversary guesses (arXiv:1703.03507)."""

TAIL = 0.001
"""Share of the jets beyond each end of the range of a variable."""

LOSSES = {"disco": disco, "mode": moment_loss}


def fit_spectrum(against: Array) -> dict[str, Array]:
    """Return what the adversary must know of the variables of background: edges of bins, and ranges; of one variable (edges,) and (2,), of several a row each.

    Args:
        against: values of background jets, (n, variables).
    """
    columns = [column[np.isfinite(column)] for column in against.T]
    # Where values are equal there are fewer edges; bins above the last one are empty then.
    edges = np.stack([np.pad(found, (0, BINS - 1 - len(found)), mode="edge") for found in (equal_bins(column, BINS) for column in columns)])
    ranges = np.stack([np.quantile(column, [TAIL, 1 - TAIL]) for column in columns])
    return {"adversary_edges": edges[0] if len(edges) == 1 else edges, "adversary_range": ranges[0] if len(ranges) == 1 else ranges}


class Adversaries(nn.ModuleList):
    """Guess the variables of background from the score of each signal, one after the other: the second with the first given.

    By the chain rule -log p(m | s) - log p(pt | s, m) is -log p(m, pt | s), so that all that the score says of them
    together is guessed.

    Args:
        config: of the task; `prepared`: of `fit_spectrum`.
    """

    ranges: Tensor

    def __init__(self, config: JetsConfig, prepared: Mapping[str, Array]) -> None:
        edges, ranges = (np.atleast_2d(prepared[f"adversary_{name}"]) for name in ("edges", "range"))
        bins = config.model.adversary_density == "bins"
        super().__init__(MassBins(edges[k], k) if bins else MassMixture(float(ranges[k, 0]), float(ranges[k, 1]), k) for _ in config.data.signals for k in range(len(edges)))
        self.register_buffer("ranges", torch.tensor(ranges, dtype=torch.float32), persistent=False)

    def forward(self, scores: Tensor, against: Tensor) -> Tensor:
        """Return -log p(variables | score) of each jet, the mean over signals, (n,).

        Args:
            scores: (n, signals).
            against: (n, variables).
        """
        low, high = self.ranges.T
        scaled = ((against - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
        variables, columns = against.shape[1], against.T.contiguous()
        losses = [part(scores[:, k // variables], columns[k % variables], scaled[:, : k % variables] if k % variables else None) for k, part in enumerate(self)]
        return torch.stack(losses).sum(0) / scores.shape[1]


class Decorrelated(nn.Module):
    """A network with adversaries, which guess the variables of background from the score.

    Args:
        network: (n, inputs) -> (n, classes).
        config: of the task; `prepared`: of `fit_spectrum`.
    """

    def __init__(self, network: nn.Module, config: JetsConfig, prepared: Mapping[str, Array]) -> None:
        super().__init__()
        self.network = network
        self.options = config.data
        self.adversary = Adversaries(config, prepared)

    def forward(self, inputs: Tensor, against: Tensor | None = None, background: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Return logarithms of probabilities; with variables, (n, variables), also -log p(variables | score) of each background jet."""
        logits: Tensor = self.network(inputs)
        if against is None or background is None:
            return logits
        scores = torch.sigmoid(log_ratios(logits, self.options))[background]
        return logits, self.adversary(scores, against[background])


def dependence(logits: Tensor, against: Tensor, weight: Tensor, background: Tensor, config: JetsConfig) -> Tensor:
    """Return how much the scores of background depend on variables, by `model.decorrelate`, the mean over signals.

    Args:
        against: (n, variables); `weight`: (n,); `background`: which jets are, bool (n,).
    """
    scores = torch.sigmoid(log_ratios(logits, config.data))
    # Of all processes, since it is no sum over jets.
    rows = gather_rows(torch.cat([scores, against, weight[:, None], background[:, None].to(scores.dtype)], 1))
    rows = rows[rows[:, -1] > 0]
    signals = scores.shape[1]
    return _of_signals(rows[:, :signals], rows[:, signals:-2], rows[:, -2], config)


def _of_signals(scores: Tensor, against: Tensor, weight: Tensor, config: JetsConfig) -> Tensor:
    """Return the mean of a loss over signals; times the number of variables, of which it is a mean, so that one more does not weaken the others."""
    loss = LOSSES[config.model.decorrelate]
    return torch.stack([loss(score, against, weight) for score in scores.unbind(1)]).mean() * against.shape[1]


def penalty(network: nn.Module, ratios: Array, against: Array, weight: Array, config: JetsConfig) -> float:
    """Return the term of the loss that `model.decorrelate` adds, of background jets alone, mean over signals; an adversary's with the sign that the network sees.

    Args:
        ratios: logarithms of ratios, (n, signals); `against`: (n, variables); `weight`: (n,).
    """
    columns = [torch.from_numpy(np.ascontiguousarray(values, np.float32)) for values in (ratios, against, weight)]
    scores, variables, w = torch.sigmoid(columns[0]), columns[1], columns[2]
    if config.model.decorrelate != "adversarial":
        return float(_of_signals(scores, variables, w, config))
    adversaries = network.get_submodule("adversary")
    device = next(adversaries.parameters()).device
    guessed = adversaries(scores.to(device), variables.to(device)).cpu()
    return float(-(w * guessed).sum() / w.abs().sum())
