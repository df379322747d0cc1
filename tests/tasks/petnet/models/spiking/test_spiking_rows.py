"""Loops over short rows: those in one pass round as those in several."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.models.spiking.row_kernel import (
    add_one_scaled,
    add_scaled,
    add_two_scaled,
)


@pytest.mark.parametrize("value", [1.0, 0.1, -3.7])
@pytest.mark.parametrize("n", [1, 16, 240, 251])
def test_one_pass_gives_the_bits_of_several(n, value):
    rng = np.random.default_rng(n)
    rows = (rng.normal(size=(3, n)) * 10.0 ** rng.integers(-6, 6, (3, n))).astype(np.float32)
    values = np.array([value, 0.3], dtype=np.float32)
    for count in (1, 2):
        part, expected, found = np.zeros(n, dtype=np.float32), rows[2].copy(), rows[2].copy()
        for row, factor in zip(rows[:count], values[:count], strict=True):
            add_scaled(part, row, factor)
        add_scaled(expected, part, np.float32(1))
        if count == 1:
            add_one_scaled(found, rows[0], values[0])
        else:
            add_two_scaled(found, rows[0], values[0], rows[1], values[1])
        assert np.array_equal(found, expected)
