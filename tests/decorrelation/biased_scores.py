"""Background jets with falling spectra, whose score depends on mass and pT in mean, width and shape; and how flat a cut on it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import chi2

HELD_OUT = ((75.0, 85.0), (118.0, 132.0))
"""Resonance masses around 80 and 125 GeV that no fit sees."""


@dataclass(frozen=True)
class Jets:
    """Scores between 0 and 1, masses, pT and resonance masses, all in GeV."""

    score: np.ndarray
    mass: np.ndarray
    pt: np.ndarray
    resonance: np.ndarray

    def coordinates(self, *names: str) -> np.ndarray:
        """Return the logarithms of columns."""
        return np.log(np.stack([self.__dict__[name] for name in names], 1))


def biased(n: int, seed: int, resonance: float | None = None) -> Jets:
    """Return jets; with `resonance`, 0 for any that is not held out, the score is that of a parametrised network."""
    rng = np.random.default_rng(seed)
    mass = 50 - 45 * np.log1p(-rng.random(n) * (1 - np.exp(-250 / 45)))
    pt = np.maximum(400, 2.2 * mass) * rng.random(n) ** (-1 / 5)
    resonances = np.full(n, resonance or 100.0)
    if resonance == 0:
        drawn = rng.uniform(55, 160, 2 * n)
        resonances = drawn[~np.any([(drawn > low) & (drawn < high) for low, high in HELD_OUT], axis=0)][:n]
    a, b = np.log(mass / 50), np.log(pt / 400)
    shape = 2 + 1.5 * a
    wide = 0.4 + 0.3 * a + 0.3 * b
    x = 3 * np.sin(1.4 * a - 1) + 0.8 * b + wide * (rng.gamma(shape) - shape) + 0.3 * rng.normal(size=n)
    if resonance is not None:
        x -= 2 * np.log(mass / resonances) ** 2
    return Jets(expit(x - 3), mass, pt, resonances)


def bins(jets: Jets) -> dict[str, np.ndarray]:
    """Return the bin of each jet in mass, pT, and both."""
    mass = ((jets.mass - 50) // 5).astype(int)
    pt = np.searchsorted(np.geomspace(400, 2500, 20), jets.pt)
    return {"mass": mass, "pt": pt, "both": mass // 5 * 21 + pt}


def divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the divergence of Jensen and Shannon of histograms, in bits, over the last axis."""
    p, q = (h / h.sum(-1, keepdims=True) for h in (first, second))
    mean = np.where(p + q > 0, (p + q) / 2, 1)
    return sum((h * np.log2(np.where(h > 0, h / mean, 1))).sum(-1) for h in (p, q)) / 2


def by_chance(passed: np.ndarray, bin_: np.ndarray, shuffles: int = 500) -> float:
    """Return the share of shuffled flags of passing that sculpt the bins at least as much."""
    total = np.bincount(bin_)
    found = np.bincount(bin_[passed], minlength=len(total))
    shuffled = np.random.default_rng(0).multivariate_hypergeometric(total, found.sum(), shuffles, method="marginals")
    return (1 + (divergence(shuffled, total - shuffled) >= divergence(found, total - found)).sum()) / (1 + shuffles)


def nearly_impossible(passed: np.ndarray, bin_: np.ndarray) -> float:
    """Return the same where shuffles would be too many, by the limit of many jets: 2 N ln 2 times the divergence of halves."""
    total = np.bincount(bin_)
    found = np.bincount(bin_[passed], minlength=len(total))
    parts = np.stack([found, total - found])
    expected = parts.sum(1, keepdims=True) * total / total.sum()
    used = parts > 0
    return float(chi2.sf(2 * (parts[used] * np.log(parts[used] / expected[used])).sum(), (total > 0).sum() - 1))
