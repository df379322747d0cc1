"""A mass and a second number of each jet, from which a small network learns; the best that does not look at the mass is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import norm, rankdata
from torch import Tensor, nn

OPTIMUM = norm.cdf(1 / np.sqrt(2))
"""Area under the curve of z, which is normal around 0 for background, and around 1 for signal."""

ALONE = 60


def jets(n: int, useful: bool, seed: int) -> tuple[Tensor, Tensor]:
    """Return (m, z) of background and then signal, (2 n, 2), and which are signal.

    Masses are normal around 0, those of signal are around 1.5. Either z is independent of m and useful, or noise.
    """
    rng = np.random.default_rng(seed)
    signal = np.arange(2 * n) >= n
    x = rng.normal(size=(2 * n, 2)) + np.stack([1.5 * signal, signal * useful], 1)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(signal)


def area(score: np.ndarray, signal: np.ndarray) -> float:
    """Return the area under the curve; equal scores count half."""
    ranks = rankdata(score)
    n = signal.sum()
    return float((ranks[signal].mean() - (n + 1) / 2) / (~signal).sum())


def trained(term: Callable[[Tensor, Tensor, Tensor], Tensor], strength: float, useful: bool, weigh: Callable[[Tensor, Tensor], Tensor] | None = None,
            extra: nn.Module | None = None, steps: int = 400, n: int = 1000) -> np.ndarray:
    """Return the scores, on other jets, of a network trained with strength times a term of (score, mass, weight) of background.

    The network has its first steps alone: a term that does not feel the scale of the score, such as `disco`, outweighs all
    else where the score is nearly constant, so that a score of the wrong sign would remain.
    """
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    groups = [{"params": network.parameters()}] + ([{"params": extra.parameters(), "lr": 0.03}] if extra else [])
    optimizer = torch.optim.Adam(groups, lr=0.01)
    for step in range(steps):
        x, signal = jets(n, useful, step)
        weight = torch.ones(2 * n) if weigh is None else weigh(x, signal)
        optimizer.zero_grad()
        logit = network(x)[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(logit, signal.float(), weight)
        if step >= ALONE:
            loss = loss + strength * term(torch.sigmoid(logit)[~signal], x[~signal, 0], weight[~signal])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return torch.sigmoid(network(jets(20000, useful, 10**6)[0])[:, 0]).numpy()
