"""What keeps the scores of background from showing the mass while a network is trained."""

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

LOSSES = {"disco": disco, "mode": moment_loss}


def fit_spectrum(mass: Array) -> dict[str, Array]:
    """Return what the adversary must know of the masses of background: edges of bins, and the range."""
    finite = mass[np.isfinite(mass)]
    return {"adversary_edges": equal_bins(finite, BINS), "adversary_range": np.quantile(finite, [0.0, 0.999])}


class Decorrelated(nn.Module):
    """A network with one adversary for each signal, which guesses the mass of background from the score.

    Args:
        network: (n, inputs) -> (n, classes).
        config: of the task; `prepared`: of `fit_spectrum`.
    """

    def __init__(self, network: nn.Module, config: JetsConfig, prepared: Mapping[str, Array]) -> None:
        super().__init__()
        self.network = network
        self.options = config.data
        low, high = prepared["adversary_range"]

        def one() -> MassBins | MassMixture:
            return MassBins(prepared["adversary_edges"]) if config.model.adversary_density == "bins" else MassMixture(float(low), float(high))

        self.adversary = nn.ModuleList(one() for _ in config.data.signals)

    def forward(self, inputs: Tensor, mass: Tensor | None = None, background: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Return logarithms of probabilities; with masses, (n,), also the mean over signals of -log p(mass | score) of each background jet."""
        logits: Tensor = self.network(inputs)
        if mass is None or background is None:
            return logits
        scores = torch.sigmoid(log_ratios(logits, self.options))[background]
        losses = [part(scores[:, k], mass[background]) for k, part in enumerate(self.adversary)]
        return logits, torch.stack(losses).mean(0)


def dependence(logits: Tensor, mass: Tensor, weight: Tensor, background: Tensor, config: JetsConfig) -> Tensor:
    """Return how much the scores of background depend on the mass, by `model.decorrelate`, the mean over signals.

    Args:
        mass, weight: (n,); `background`: which jets are, bool (n,).
    """
    scores = torch.sigmoid(log_ratios(logits, config.data))
    # Of all processes, since it is no sum over jets.
    rows = gather_rows(torch.cat([scores, mass[:, None], weight[:, None], background[:, None].to(scores.dtype)], 1))
    rows = rows[rows[:, -1] > 0]
    loss = LOSSES[config.model.decorrelate]
    return torch.stack([loss(rows[:, k], rows[:, -3], rows[:, -2]) for k in range(scores.shape[1])]).mean()


def penalty(network: nn.Module, ratios: Array, mass: Array, weight: Array, config: JetsConfig) -> float:
    """Return the term of the loss that `model.decorrelate` adds, of background jets alone, mean over signals; an adversary's with the sign that the network sees.

    Args:
        ratios: logarithms of ratios, (n, signals); `mass`, `weight`: (n,).
    """
    columns = [torch.from_numpy(np.ascontiguousarray(values, np.float32)) for values in (ratios, mass, weight)]
    scores, m, w = torch.sigmoid(columns[0]), columns[1], columns[2]
    if config.model.decorrelate != "adversarial":
        return float(torch.stack([LOSSES[config.model.decorrelate](scores[:, k], m, w) for k in range(scores.shape[1])]).mean())
    adversaries = network.get_submodule("adversary")
    assert isinstance(adversaries, nn.ModuleList)
    device = next(adversaries.parameters()).device
    guessed = torch.stack([part(scores[:, k].to(device), m.to(device)) for k, part in enumerate(adversaries)]).mean(0).cpu()
    return float(-(w * guessed).sum() / w.abs().sum())
