"""The mixture of randoms and activity: line integrals, what it learns, and that it is as sure as it may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from pphysml.io.ragged import Ragged
from pphysml.nn.matching import matching_marginals
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.pairs.candidates import Candidates, candidates
from pphysml.tasks.petnet.pairs.features import pair_features, rivalry
from pphysml.tasks.petnet.pairs.line_kernel import LIGHT, Grid, follow_lines
from pphysml.tasks.petnet.pairs.mixture import Mixture, ends_of
from pphysml.tasks.petnet.pairs.recalibration import isotonic, ratio_knots
from pphysml.tasks.petnet.pairs.refinement import line_features
from pphysml.tasks.petnet.pairs.scoring import by_likelihood, take_pairs
from pphysml.tasks.petnet.pairs.survey import Survey, mixture_of
from pphysml.tasks.petnet.simulation.simulate import PetSimulation

GRID = Grid(radius=40.0, z_low=-30.0, z_high=30.0, voxel=5.0, across=16, along=12)
WINDOW = 600.0
NONE = np.zeros(0)


def lines(n, seed=0, radius=60.0):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, (2, n))
    ends = [np.column_stack([radius * np.cos(a), radius * np.sin(a), rng.uniform(-25, 25, n)]) for a in angle]
    return ends[0], ends[1], rng.uniform(-300, 300, n)


def follow(p, q, dt, image, sigma=100.0, factor=NONE, onto=None):
    integral, spread = np.empty(len(dt)), np.empty(len(dt))
    follow_lines(p, q, dt, sigma, WINDOW, GRID, image, factor, np.zeros_like(image) if onto is None else onto, integral, spread)
    return integral, spread


def test_a_line_through_even_activity_counts_the_light_path_of_the_window():
    # Far from the ends the density of dt integrates to c / 2 over the line, and a random pair has 1 / (2 window).
    p, q = np.array([[60.0, 0, 0]]), np.array([[-60.0, 0, 0]])
    even = np.ones((16, 16, 12))
    integral, spread = follow(p, q, np.zeros(1), even, sigma=40.0)
    assert np.isclose(integral[0], WINDOW * LIGHT, rtol=0.01)
    assert np.isclose(spread[0] / integral[0], 40.0**2, rtol=0.02)
    aside = np.array([0, 45, 0])
    outside, _ = follow(p + aside, q + aside, np.zeros(1), even)
    assert outside[0] == 0


def test_the_time_difference_tells_where_on_the_line():
    spot = np.zeros((16, 16, 12))
    spot[12, 8, 6] = 1.0  # x = 22.5 mm, towards p
    p, q = np.array([[60.0, 2.5, 2.5]]), np.array([[-60.0, 2.5, 2.5]])
    dt = np.linspace(-400, 400, 161)
    integral, _ = follow(np.repeat(p, 161, 0), np.repeat(q, 161, 0), dt, spot, sigma=60.0)
    assert abs(dt[np.argmax(integral)] - 2 * 22.5 / LIGHT) < 10
    back, _ = follow(np.repeat(q, 161, 0), np.repeat(p, 161, 0), -dt, spot, sigma=60.0)
    assert np.allclose(back, integral)


def test_adding_to_an_image_is_the_transpose_of_the_integral():
    p, q, dt = lines(200)
    rng = np.random.default_rng(1)
    image, factor, onto = rng.random((16, 16, 12)), rng.random(200), np.zeros((16, 16, 12))
    integral, _ = follow(p, q, dt, image, factor=factor, onto=onto)
    assert np.isclose((integral * factor).sum(), (onto * image).sum())


def test_isotonic_regression_agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    values, weights = rng.normal(np.arange(60) / 20, 1), rng.uniform(0.1, 3, 60)
    expected = IsotonicRegression().fit_transform(np.arange(60), values, sample_weight=weights)
    assert np.allclose(isotonic(values, weights), expected)


def test_the_ratio_of_two_known_densities_is_found_without_truth():
    rng = np.random.default_rng(3)
    true, random, sample = rng.normal(2, 1, 20_000), rng.normal(0, 1, 10_000), rng.normal(0, 1, 80_000)
    scores, found = ratio_knots(np.concatenate([true, random]), sample, 10_000)
    inner = (scores > 0.3) & (scores < 2.2)
    expected = np.log(2) + 2 * scores - 2  # log of 2 N(x; 2, 1) / N(x; 0, 1)
    assert inner.sum() > 5
    assert np.abs(found - expected)[inner].max() < 0.3
    assert abs((found - expected)[inner].mean()) < 0.05
    assert (np.diff(scores) > 0).all() and (np.diff(found) >= 0).all()


@pytest.fixture(scope="module")
def config():
    return PetConfig.model_validate({"simulation": {"activity": 500.0}, "data": {"window": WINDOW, "slice_singles": 4096}})


@pytest.fixture(scope="module")
def slices(config):
    return [PetSimulation(config, seed).examples(0, 50) for seed in (1, 2)]


@pytest.fixture(scope="module")
def mixture(slices):
    return mixture_of(slices[0], WINDOW)


def truth(examples, pairs):
    event, photon = examples["event"].flat, examples["photon_id"].flat
    return (event[pairs.first] == event[pairs.second]) & (photon[pairs.first] != photon[pairs.second])


def test_the_time_resolution_and_the_phantom_are_learnt(config, mixture):
    assert abs(mixture.sigma - config.simulation.coincidence_resolution / 2.355) < 12
    middle = (np.arange(mixture.grid.across) + 0.5) * mixture.grid.voxel - mixture.grid.radius
    r = np.hypot(*np.meshgrid(middle, middle, indexing="ij"))
    profile = mixture.image.mean(2)
    # The water cylinder has a radius of 12.5 mm.
    assert profile[r < 8].mean() > 10 * profile[r > 25].mean()


def test_probabilities_are_frequencies(slices, mixture):
    pairs = candidates(slices[1], WINDOW)
    probability = 1 / (1 + np.exp(-mixture.log_ratio(ends_of(slices[1], pairs))))
    true = truth(slices[1], pairs)
    for low, high in ((0, 0.2), (0.2, 0.8), (0.8, 0.95), (0.95, 1)):
        inside = (probability >= low) & (probability <= high)
        error = np.sqrt(0.25 / inside.sum())
        assert abs(probability[inside].mean() - true[inside].mean()) < 0.02 + 3 * error
    assert np.isclose(probability.sum(), true.sum(), rtol=0.03)


def test_pairs_are_found_better_than_by_any_window_and_one_to_one(slices, mixture):
    pairs = take_pairs(slices[1], mixture, by_likelihood, WINDOW, 0.0, 0.5)
    singles = np.concatenate([pairs.first, pairs.second])
    assert len(np.unique(singles)) == len(singles)
    every = candidates(slices[1], WINDOW)
    targets = truth(slices[1], every).sum()

    def f1(chosen):
        return 2 * truth(slices[1], chosen).sum() / (len(chosen.first) + targets)

    def shorter(window):
        inside = every.dt <= window
        return Candidates(every.first[inside], every.second[inside], every.dt[inside])

    best = max(f1(shorter(w)) for w in range(100, 600, 25))
    assert f1(pairs) > best + 0.03


def test_delayed_pairs_count_the_randoms_among_the_prompt_ones(slices, mixture):
    both = take_pairs(slices[1], mixture, by_likelihood, WINDOW, 0.0, 0.5)
    randoms = (~truth(slices[1], both)).sum()
    late = take_pairs(_lending(slices[1]), mixture, by_likelihood, WINDOW, 20_000.0, 0.5)
    delayed = late.delayed.sum()
    assert delayed > 300
    assert abs(delayed - randoms) < 4 * np.sqrt(delayed + randoms)


def _lending(examples):
    """Return one slice of all, whose last singles are lent; slices of a block follow each other."""
    n = len(examples["time"].flat)
    columns = {name: Ragged(c.flat, np.array([0, n])) for name, c in examples.items() if isinstance(c, Ragged)}
    return columns | {"n_owned": np.array([n - 5000], dtype=np.int32)}


def test_a_quarter_turn_of_the_scanner_changes_nothing(slices, mixture):
    examples = slices[0]
    turned = {**examples, "x": Ragged(-examples["y"].flat, examples["y"].offsets), "y": examples["x"]}
    pairs = candidates(turned, WINDOW)
    expected = mixture.image_log_ratio(ends_of(examples, pairs))
    found = mixture_of(turned, WINDOW).image_log_ratio(ends_of(turned, pairs))
    assert np.corrcoef(np.clip(found, -8, 8), np.clip(expected, -8, 8))[0, 1] > 0.99


def test_the_correction_tells_true_pairs_better_than_the_image_alone(slices, mixture):
    pairs = candidates(slices[1], WINDOW)
    ends, true = ends_of(slices[1], pairs), truth(slices[1], pairs)
    assert len(mixture.correction) == 6
    image, corrected = (np.where(true, w, -w) for w in (mixture.image_log_ratio(ends), mixture.log_ratio(ends)))
    cross_entropy = [np.logaddexp(0, -w).mean() for w in (image, corrected)]
    assert cross_entropy[1] < cross_entropy[0] - 0.0005


def test_the_middle_of_the_activity_is_found(mixture):
    spot = np.zeros_like(mixture.image)
    spot[3, 8, :] = 1.0
    place = (np.array([3.5, 8.5])) * mixture.grid.voxel - mixture.grid.radius
    assert np.allclose(replace(mixture, image=spot).centre(), place)
    assert np.abs(mixture.centre()).max() < 2


def test_the_correction_does_not_know_which_single_comes_first(slices, mixture):
    pairs = candidates(slices[1], WINDOW)
    one, other = (line_features(ends_of(slices[1], c), mixture) for c in (pairs, Candidates(pairs.second, pairs.first, -pairs.dt)))
    assert np.isclose(one[:, 1:], other[:, 1:], atol=1e-4).all()


def test_few_pairs_are_left_to_the_image(slices):
    from pphysml.io.ragged import slice_rows

    assert mixture_of(slice_rows(slices[0], 0, 4), WINDOW).correction == ()


def test_a_mixture_comes_back_from_its_arrays(slices, mixture):
    again = Mixture.of(mixture.arrays())
    ends = ends_of(slices[0], candidates(slices[0], WINDOW))
    assert np.array_equal(again.log_ratio(ends), mixture.log_ratio(ends))


def test_a_survey_does_not_depend_on_how_slices_come(slices):
    from pphysml.io.ragged import slice_rows

    whole, parts = Survey(WINDOW, 100_000), Survey(WINDOW, 100_000)
    assert not whole.add(slices[0])
    for start in range(0, 50, 9):
        if not parts.add(slice_rows(slices[0], start, min(50, start + 9))):
            break
    assert np.array_equal(whole.mixture().image, parts.mixture().image)


def test_features_do_not_know_which_single_comes_first(slices, mixture):
    pairs = candidates(slices[0], WINDOW)
    n = len(slices[0]["time"].flat)
    swapped = Candidates(pairs.second, pairs.first, -pairs.dt)
    one, other = (pair_features(c, ends_of(slices[0], c), mixture, n) for c in (pairs, swapped))
    # A point on the border of two voxels may be taken to either.
    assert np.isclose(one.values, other.values, atol=1e-4).mean() > 0.999
    assert np.allclose(one.values, other.values, atol=0.05)


def test_rivals_are_the_other_pairs_of_the_two_singles():
    pairs = Candidates(np.array([0, 0, 1, 3]), np.array([1, 2, 2, 4]), np.zeros(4))
    rivals, best = rivalry(pairs, np.array([3.0, 1.0, -2.0, 5.0]), 5)
    assert rivals.tolist() == [2, 2, 2, 0]
    assert best.tolist() == [1.0, 3.0, 3.0, -8.0]
    assert matching_marginals(5, pairs.first, pairs.second, np.array([3.0, 1.0, -2.0, 5.0]))[0].argmax() == 3
