"""Expected significance of counting jets, without a look at their mass."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlog1py

from .uncertainty import Floats

FAVOURS_PLAIN = (
    "Counting rewards a score that reads the mass, as it need not know the background beside the signal; in a fit of the"
    " mass the same score makes the background look like the signal, and leaves no sidebands that would fix it."
)
"""Why a network that is not decorrelated looks better in this number than in a search."""


def counting_significance(signal: ArrayLike, background: ArrayLike, error: ArrayLike = 0.0) -> Floats:
    """Return the median significance of s expected signal jets above b of background, in standard deviations.

    sqrt(2 {(s + b) ln[(s + b)(b + e^2) / (b^2 + (s + b) e^2)] - b^2 / e^2 ln[1 + e^2 s / (b (b + e^2))]})
    for an error e of the background that is known by an auxiliary count, and
    sqrt(2 {(s + b) ln(1 + s / b) - s}) for e = 0.
    Source: G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, equation 97; with e: T. P. Li, Y. Q. Ma,
    Astrophys. J. 272 (1983) 317, equation 17, of the expected counts.

    Args:
        signal, background: expected jets; the background above zero.
        error: of the background, in jets.
    """
    s, b, e2 = np.asarray(signal, float), np.asarray(background, float), np.asarray(error, float) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        known = xlog1py(s + b, s / b) - s
        above = s * b / (b**2 + (s + b) * e2)  # the argument of the first logarithm, less 1
        uncertain = xlog1py(s + b, above) - b**2 / e2 * np.log1p(e2 * s / (b * (b + e2)))
    value: Floats = np.sqrt(2 * np.maximum(0.0, np.where(e2 > 0, uncertain, known)))
    return value
