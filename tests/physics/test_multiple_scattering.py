import numpy as np
import pytest
from scipy.optimize import curve_fit

from pphysml.physics.multiple_scattering import (
    displacement,
    highland_angle,
    single_angle,
    soft_share,
)


def test_one_radiation_length_has_no_logarithm():
    assert highland_angle(1.0, 200.0) == pytest.approx(13.6 / 200)
    assert highland_angle(0.04, 200.0, 2.0) == pytest.approx(2 * 13.6 / 200 * 0.2 * (1 + 0.038 * np.log(0.04)))
    assert highland_angle(0.0, 200.0) == 0.0


def test_displacement_has_the_moments_of_a_thick_scatterer():
    rng = np.random.default_rng(1)
    width, length, n = 0.02, 30.0, 400_000
    angle = width * rng.standard_normal(n)
    shift = displacement(angle, rng.standard_normal(n), width, length)
    assert shift.std() == pytest.approx(length * width / np.sqrt(3), rel=0.01)
    assert np.corrcoef(angle, shift)[0, 1] == pytest.approx(np.sqrt(3) / 2, abs=0.005)


def test_displacement_is_that_of_many_thin_scatterers():
    rng = np.random.default_rng(2)
    pieces, width, length = 100, 0.02, 30.0
    turns = rng.normal(0, width / np.sqrt(pieces), (40_000, pieces))
    shift = (np.cumsum(turns, 1) * length / pieces).sum(1)
    ours = displacement(turns.sum(1), rng.standard_normal(len(turns)), width, length)
    assert ours.std() == pytest.approx(shift.std(), rel=0.02)
    assert np.cov(ours, turns.sum(1))[0, 1] == pytest.approx(np.cov(shift, turns.sum(1))[0, 1], rel=0.04)


def test_displacement_varies_as_much_about_the_chord_of_every_deflection():
    """A particle that comes out straight is shifted too: by L theta0 / root 12 in the mean square, as by any angle."""
    width, length, other = 0.02, 30.0, np.random.default_rng(4).standard_normal(200_000)
    for angle in (0.0, 0.05):
        shift = displacement(angle, other, width, length)
        assert shift.mean() == pytest.approx(length * angle / 2, abs=5 * length * width / np.sqrt(12 * len(other)))
        assert shift.std() == pytest.approx(length * width / np.sqrt(12), rel=0.01)


@pytest.mark.parametrize("radiation_lengths", [0.005, 0.04, 0.7])
def test_soft_scatters_and_single_ones_have_highlands_width_in_the_middle(radiation_lengths):
    """Highland's width is that of a Gaussian fitted to the central 98 % of the projected angles."""
    rng, n, pv = np.random.default_rng(3), 400_000, 250.0
    highland = highland_angle(radiation_lengths, pv)
    angle = highland * np.sqrt(soft_share(radiation_lengths)) * rng.standard_normal(n)
    hard = rng.poisson(1.0, n)
    owner = np.repeat(np.arange(n), hard)
    single = single_angle(radiation_lengths, pv) / np.sqrt(rng.random(len(owner))) * np.cos(2 * np.pi * rng.random(len(owner)))
    angle += np.bincount(owner, single, minlength=n)
    edge = np.quantile(np.abs(angle), 0.98) / highland
    heights, edges = np.histogram(angle / highland, np.linspace(-edge, edge, 101))
    (_, width), _ = curve_fit(lambda x, top, width: top * np.exp(-0.5 * (x / width) ** 2),
                              (edges[1:] + edges[:-1]) / 2, heights, (heights.max(), 1.0), sigma=np.sqrt(heights + 1))
    assert width == pytest.approx(1.0, abs=0.02)
    # Further out, single scatters leave more than a Gaussian does.
    assert (np.abs(angle) > 4 * highland).mean() > 20 * 6.3e-5
