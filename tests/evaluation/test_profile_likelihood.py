"""Expected significance: closed forms, minimisation by scipy, limits."""

import numpy as np
import pytest
from scipy.optimize import minimize

from pphysml.evaluation.counting_significance import counting_significance
from pphysml.evaluation.profile_likelihood import Region, significance

S, B = np.array([2.0, 30.0, 8.0, 0.5]), np.array([100.0, 60.0, 40.0, 5.0])
R, H = np.array([0.01, 0.0, 0.05, 0.3]), np.array([-0.4, 1.2, 0.1, -0.8])


def by_scipy(regions, f, d):
    """All parameters explicit: v and t of each region, and a factor for every uncertain bin."""
    q0 = 0.0
    for s, b, r, h in (np.broadcast_arrays(*region) for region in regions):
        free = r > 0

        def minus_log(x, mu, s=s, b=b, r=r, h=h, free=free):
            v, t = x[0] * (f > 0), x[1]
            g = np.ones(len(b))
            g[free] = np.exp(x[2:])
            c = mu * s + b * g * np.exp(v + d * t * h)
            value = (c - (s + b) * np.log(c)).sum() + t**2 / 2 + ((g - np.log(g))[free] / r[free]).sum()
            return value + ((np.exp(v) - v) / f**2 if f else 0)

        start = np.zeros(2 + free.sum())
        alone = minimize(minus_log, start, (0,), method="BFGS", options={"gtol": 1e-7}).fun
        q0 += 2 * (alone - minus_log(start, 1))
    return np.sqrt(q0)


@pytest.mark.parametrize("f", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("d", [0.0, 0.3])
@pytest.mark.parametrize("r", [0.0, R], ids=["exact", "templates"])
def test_equals_minimisation_of_all_parameters(f, d, r):
    regions = [Region(S, B, r, H), Region(0.3 * S, 20 * B, np.multiply(0.1, r))]
    expected = by_scipy([Region(*(np.broadcast_to(part, 4) for part in region)) for region in regions], f, d)
    assert significance(regions, f, d) == pytest.approx(expected, rel=1e-5)


def test_equals_pyhf():
    """Numbers of pyhf 0.7.6 (L. Heinrich et al., JOSS 6 (2021) 2823): `shapesys`, and `normsys` of code 1 in each bin."""
    r = np.array([0.01, 0.002, 0.05, 0.3])
    assert significance([Region(S, B, r)]) == pytest.approx(3.45311593107, rel=1e-10)
    assert significance([Region(S, B, r, H)], shape=0.3) == pytest.approx(1.63389650531, rel=1e-10)


@pytest.mark.parametrize(("s", "b"), [(1, 100), (30, 10), (0.001, 0.3), (500, 1e5), (10, 1e-3)])
@pytest.mark.parametrize("f", [0, 0.01, 0.1, 0.5, 5])
def test_one_bin_is_the_counting_formula(s, b, f):
    expected = counting_significance(s, b, f * b)
    assert significance([Region([s], [b])], f) == pytest.approx(expected, rel=3e-6)
    assert significance([Region([s], [b], [f**2])]) == pytest.approx(expected, rel=3e-6)


def test_counting_formula_and_its_limits():
    assert counting_significance(10, 25) == pytest.approx(np.sqrt(2 * (35 * np.log(1 + 10 / 25) - 10)))
    assert counting_significance(1, 1e6) == pytest.approx(1e-3, rel=1e-5)
    assert counting_significance(1, 1e4, 1e3) == pytest.approx(1 / np.sqrt(1e4 + 1e6), rel=1e-3)
    np.testing.assert_allclose(counting_significance([5, 50], 20, 1e-4), counting_significance([5, 50], 20), rtol=1e-5)
    assert counting_significance(0, 20, 3) == 0


def test_small_signals_follow_the_covariance():
    b = 1e6 * B
    s, f, d = 1e-3 * np.sqrt(b) * S, 1e-4, 2e-4
    r = np.array([0.5, 0.0, 1.0, 3.0]) / b
    covariance = np.diag(b + r * b**2) + f**2 * np.outer(b, b) + d**2 * np.outer(b * H, b * H)
    expected = np.sqrt(s @ np.linalg.solve(covariance, s))
    assert significance([Region(s, b, r, H)], f, d) == pytest.approx(expected, rel=1e-3)
    assert expected < 0.9 * significance([Region(s, b)])


def test_more_bins_are_never_worse():
    rng = np.random.default_rng(1)
    s, b = rng.gamma(0.5, 20, (200, 12)), rng.gamma(2, 20, (200, 12)) + 1
    for f in (0.0, 0.1, 0.5):
        for template in (0.0, 0.7):  # a simulated jet stands for so many
            found = []
            for merged in (1, 3, 6, 12):
                parts = [x.reshape(200, -1, merged).sum(2) for x in (s, b)]
                found.append(significance([Region(*parts, template / parts[1])], f))
            assert (np.diff(found, axis=0) <= 1e-6).all()


def test_more_uncertainty_is_never_better():
    scans = [[significance([Region(S, B, x * R, H)], 0.1, 0.1) for x in (0, 1, 5)],
             [significance([Region(S, B, R, H)], f, 0.1) for f in (0, 0.01, 0.1, 1)],
             [significance([Region(S, B, R, H)], 0.1, d) for d in (0, 0.1, 0.5, 3)]]
    for scan in scans:
        assert (np.diff(scan) < -1e-4).all()


def test_many_fits_at_once_equal_single_ones():
    rng = np.random.default_rng(2)
    s, b, r, h = rng.gamma(1, 5, (3, 4, 6)), rng.gamma(1, 30, (3, 4, 6)) + 1, rng.random((3, 4, 6)), rng.normal(size=(3, 4, 6))
    together = significance([Region(s, b, r, h), Region(s / 2, 3 * b)], 0.2, 0.4)
    assert together.shape == (3, 4)
    for i in np.ndindex(3, 4):
        assert together[i] == pytest.approx(significance([Region(s[i], b[i], r[i], h[i]), Region(s[i] / 2, 3 * b[i])], 0.2, 0.4), rel=1e-7)


def test_signal_with_the_shape_of_the_background_is_a_matter_of_normalisation():
    b = np.array([100.0, 200.0, 50.0])
    assert significance([Region(0.1 * b, b)], 0.2) == pytest.approx(counting_significance(35, 350, 70))
    assert significance([Region(0.1 * b, b)], 1e3) < 1e-3
    assert significance([Region([35.0, 0, 0], b)], 1e3) > 2


def test_empty_bins_have_no_part():
    with_empty = [Region(np.append(S, 0), np.append(B, 0), np.append(R, np.nan), np.append(H, np.nan))]
    assert significance(with_empty, 0.1, 0.2) == pytest.approx(significance([Region(S, B, R, H)], 0.1, 0.2), rel=1e-9)
    with pytest.raises(ValueError, match="background above zero"):
        significance([Region([1.0, 1.0], [1.0, 0.0])])
