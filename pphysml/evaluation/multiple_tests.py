"""Probabilities of several tests at once: the more are made, the smaller one of them is by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .uncertainty import Floats


def holm(p_values: ArrayLike) -> Floats:
    """Return the p-values corrected for their number, in the same order, shape (tests,).

    The smallest is multiplied by the number of tests, the next by one less, and so on; none is below
    a smaller one. Those below a level are significant at that level together, however the tests
    depend on each other. Source: S. Holm, Scand. J. Stat. 6 (1979) 65.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected
