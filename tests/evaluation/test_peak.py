"""Middle and width of a peak among tails of its own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from pphysml.evaluation.peak import gaussian_peak


def test_of_a_gaussian_middle_and_width_are_right_and_the_errors_are_their_spread() -> None:
    rng = default_rng(1)
    found = [gaussian_peak(rng.normal(100, 3, 400)) for _ in range(300)]
    for name, true in (("middle", 100.0), ("width", 3.0)):
        values = np.array([getattr(peak, name) for peak in found])
        error = np.mean([getattr(peak, f"{name}_error") for peak in found])
        assert values.mean() == pytest.approx(true, abs=4 * error / 300**0.5 + 0.01 * 3)
        assert values.std() == pytest.approx(error, rel=0.15)
    assert np.mean([peak.outside for peak in found]) < 0.03


def test_tails_and_other_peaks_count_as_outside_and_do_not_pull() -> None:
    rng = default_rng(2)
    tails = np.concatenate([rng.uniform(0, 250, 300), rng.normal(40, 3, 500), [np.nan, np.inf]])
    peak = gaussian_peak(np.concatenate([rng.normal(150, 3, 2000), tails]))
    assert peak.middle == pytest.approx(150, abs=0.25) and peak.width == pytest.approx(3, abs=0.25)
    assert peak.outside == pytest.approx(800 / 2800, abs=0.03)
    mean = np.mean(np.concatenate([rng.normal(150, 3, 2000), tails[:-2]]))
    assert abs(mean - 150) > 10


def test_it_moves_and_scales_with_the_sample_and_ignores_its_order() -> None:
    values = default_rng(3).normal(0, 1, 500)
    peak, other = gaussian_peak(values), gaussian_peak(5 - 2 * values[::-1])
    assert (other.middle, other.width) == (pytest.approx(5 - 2 * peak.middle, abs=1e-6), pytest.approx(2 * peak.width, rel=1e-6))


def test_few_or_equal_values_have_no_peak_or_no_width() -> None:
    assert gaussian_peak([]) is None and gaussian_peak(np.arange(10.0)) is None and gaussian_peak(np.full(100, np.nan)) is None
    same = gaussian_peak(np.full(100, 7.0))
    assert same is None or (same.middle, same.width) == (7.0, pytest.approx(0.0, abs=1e-9))
