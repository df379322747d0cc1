"""How sure a ratio of densities may be, told by pairs that it was not fitted to."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from ....io.ragged import Array

PER_KNOT = 200.0
"""Pairs in a bin at least."""

MOST_KNOTS = 40

LEAST = 1e-4
"""Smallest ratio that is told: fewer true pairs than this per random one cannot be counted."""


SURENESS_KNOTS = np.array([-5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0])
"""Logarithms of the ratio between which what is added to it is interpolated; it is constant outside."""

SURENESS_SPREAD = 2.0
"""Standard deviation of what is expected to be added."""

BINS_PER_UNIT, WIDEST = 20, 8.0
"""Logarithms of ratios are counted in bins so fine, up to here."""


def sureness(prompts: Array, randoms: Array, n_random: float) -> Array:
    """Return logarithms of a ratio, and what is added there so that as many pairs are true ones as it says.

    The sum of log(1 + ratio) over pairs in the window less the ratio's sum over randoms, the logarithm of the likelihood of
    the mixture, is maximised together with a normal prior about zero.

    Args:
        prompts: logarithms of the ratio of pairs in the window, told by others; randoms: of random pairs; n_random: how
            many of these one window holds.

    Returns:
        float64 (2, len(SURENESS_KNOTS)).
    """
    edges = np.linspace(-WIDEST, WIDEST, round(2 * WIDEST * BINS_PER_UNIT) + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    found, random = (np.histogram(np.clip(of, -WIDEST, WIDEST), edges)[0] for of in (prompts, randoms))
    expected = random * (n_random / max(1, len(randoms))) * np.exp(middle)
    hats = np.stack([np.interp(middle, SURENESS_KNOTS, row) for row in np.eye(len(SURENESS_KNOTS))])

    def loss(added: Array) -> tuple[float, Array]:
        of_bin = added @ hats
        true, wanted = found / (1 + np.exp(-middle - of_bin)), expected * np.exp(of_bin)
        prior = added / SURENESS_SPREAD**2
        return float(wanted.sum() - found @ np.logaddexp(0, middle + of_bin) + prior @ added / 2), hats @ (wanted - true) + prior

    best = minimize(loss, np.zeros(len(SURENESS_KNOTS)), jac=True, method="L-BFGS-B").x
    return np.stack([SURENESS_KNOTS, best])


def ratio_knots(prompts: Array, randoms: Array, n_random: float) -> Array:
    """Return scores, and the logarithm of the ratio of true pairs to randoms that was counted there.

    The ratio in bins of the score is (prompts - randoms) / randoms, made monotonous (isotonic
    regression, R. E. Barlow et al., Statistical Inference under Order Restrictions (1972)); neither
    truth nor a model of the score is needed.

    Args:
        prompts: scores of pairs in the window, not used for the score itself.
        randoms: scores of random pairs; n_random: how many of these one window holds.

    Returns:
        float64 (2, k); scores rise strictly.
    """
    share = n_random / max(1, len(randoms))
    # As many randoms as prompts in a bin of what is uncertain: bins by both together.
    n_bins = int(np.clip(min(len(prompts), len(randoms)) / PER_KNOT, 2, MOST_KNOTS))
    both = np.sort(np.concatenate([prompts, randoms]))
    weights = both[np.linspace(0, len(both) - 1, n_bins + 1).astype(int)]
    edges = np.unique(np.concatenate([weights, np.quantile(prompts, np.linspace(0, 1, n_bins // 2 + 1))]))
    edges[-1] = np.nextafter(edges[-1], np.inf)
    found = np.histogram(prompts, edges)[0].astype(np.float64)
    random = np.histogram(randoms, edges)[0] * share
    # Half a random pair: a bin without any is not infinitely sure.
    ratio = (found - random) / (random + 0.5 * max(share, 1e-3))
    monotonous = isotonic(ratio, random + 0.5 * max(share, 1e-3))
    middle = np.array([np.median(prompts[(prompts >= a) & (prompts < b)]) if n else (a + b) / 2
                       for a, b, n in zip(edges[:-1], edges[1:], found, strict=True)])
    keep = np.append(True, np.diff(middle) > 0)
    return np.stack([middle[keep], np.log(np.maximum(monotonous, LEAST))[keep]])


def isotonic(values: Array, weights: Array) -> Array:
    """Return the non-decreasing values that are nearest in weighted squares, by pooling neighbours."""
    pools: list[list[float]] = []
    for value, weight in zip(values, weights, strict=True):
        pools.append([float(value), float(weight), 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            v, w, n = pools.pop()
            before = pools[-1]
            total = before[1] + w
            before[:] = [(before[0] * before[1] + v * w) / total, total, before[2] + n]
    return np.repeat([v for v, _, _ in pools], [int(n) for _, _, n in pools])
