"""The mixture of randoms and activity: line integrals, what it learns, and that it is as sure as it may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from pphysml.io.ragged import Ragged
from pphysml.nn.matching_marginals import matching_marginals
from pphysml.tasks.petnet.coincidences.candidates import Candidates, candidates
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.likelihood import refinement
from pphysml.tasks.petnet.likelihood.ends import Ends, ends_of, joined_ends, nearest_to_lines
from pphysml.tasks.petnet.likelihood.line_kernel import LIGHT, Grid, follow_lines
from pphysml.tasks.petnet.likelihood.recalibration import isotonic, ratio_knots
from pphysml.tasks.petnet.likelihood.refinement import correction
from pphysml.tasks.petnet.likelihood.survey import mixture_of
from pphysml.tasks.petnet.likelihood.tables import distances
from pphysml.tasks.petnet.likelihood.tables_fit import CrossFit
from pphysml.tasks.petnet.models.pairs.features import pair_features, rivalry
from pphysml.tasks.petnet.models.pairs.scoring import (
    Choice,
    best_min_score,
    by_likelihood,
    take_pairs,
)
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


def test_features_of_lines_are_in_units_of_the_scanner(slices, mixture):
    radius = mixture.region.scanner_radius
    distance = np.hypot(slices[0]["x"].flat, slices[0]["y"].flat)
    assert distance.min() - 1 < radius < distance.max()
    # Chords along x at the distances 0, 10 and 20 mm from the axis, with the place by time of flight 15 mm from their middles.
    aside, half = np.array([0.0, 10.0, 20.0]), np.sqrt(radius**2 - np.array([0.0, 10.0, 20.0]) ** 2)
    ends = [np.column_stack([sign * half, aside, np.zeros(3)]) for sign in (1, -1)]
    found = mixture.line_features(Ends(ends[0], ends[1], np.full(3, 2 * 15.0 / LIGHT), np.full((3, 2), 0.511), np.zeros(3)))
    np.testing.assert_allclose(found[:, 2], 4 * aside / radius, atol=1e-6)
    np.testing.assert_allclose(found[:, 5], 2 * 15 / radius, rtol=1e-6)
    np.testing.assert_allclose(found[:, 7], 2 * np.hypot(15, aside) / radius, rtol=1e-6)


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
    pairs = take_pairs(slices[1], mixture, by_likelihood, Choice(WINDOW)).pairs
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
    both = take_pairs(slices[1], mixture, by_likelihood, Choice(WINDOW)).pairs
    randoms = (~truth(slices[1], both)).sum()
    late = take_pairs(_lending(slices[1]), mixture, by_likelihood, Choice(WINDOW, 20_000.0)).pairs
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


def cross_entropy(log_ratio, true):
    return np.logaddexp(0, -np.where(true, log_ratio, -log_ratio)).mean()


def test_tables_tell_true_pairs_better_than_the_image_alone(slices, mixture):
    pairs = candidates(slices[1], WINDOW)
    ends, true = ends_of(slices[1], pairs), truth(slices[1], pairs)
    assert mixture.tables.shape[1:] == (5, 48 * 48)
    assert cross_entropy(mixture.log_ratio(ends), true) < cross_entropy(mixture.image_log_ratio(ends), true) - 0.01


def test_tables_are_as_wide_as_the_time_resolution_needs():
    slow = {"simulation": {"activity": 50.0, "phantom": "rat", "coincidence_resolution": 3000.0}, "data": {"window": 4500.0, "slice_singles": 4096}}
    examples = [PetSimulation(PetConfig.model_validate(slow), seed).examples(0, 50) for seed in (1, 2)]
    learnt = mixture_of(examples[0], 4500.0)
    pairs = candidates(examples[1], 4500.0)
    ends, true = ends_of(examples[1], pairs), truth(examples[1], pairs)
    assert learnt.reach[1, 0, -1] > 300
    assert cross_entropy(learnt.log_ratio(ends), true) < cross_entropy(learnt.image_log_ratio(ends), true)


def test_distances_are_those_of_points_from_lines():
    p, q, dt = lines(50, seed=5)
    ends, centre = Ends(p, q, dt, np.zeros((50, 2)), np.zeros(50)), np.array([7.0, -4.0])
    aside, flight = distances(ends, centre)
    start, way = p[:, :2] - centre, (q - p)[:, :2]
    nearest = -(start * way).sum(1) / (way**2).sum(1)
    assert np.allclose(aside, np.linalg.norm(start + nearest[:, None] * way, axis=1))
    length = np.linalg.norm(p - q, axis=1)[:, None]
    place = (p + q) / 2 + (p - q) / length * (LIGHT * dt / 2)[:, None]
    assert np.allclose(flight, np.hypot(*(place[:, :2] - centre).T))
    assert np.allclose(distances(Ends(q, p, -dt, ends.energy, ends.rate), centre), [aside, flight])


def test_a_correction_of_nothing_learns_which_pairs_are_true(slices, mixture, monkeypatch):
    monkeypatch.setattr(refinement, "FEWEST", 1000)
    pairs, randoms = candidates(slices[0], WINDOW), candidates(slices[0], WINDOW, 20 * WINDOW)
    prompts, none = ends_of(slices[0], pairs), ends_of(slices[0], randoms)
    knows_nothing = CrossFit(np.zeros(len(prompts)), np.zeros(len(none)))
    networks, unseen = refinement.refined(mixture.line_features, prompts, none, knows_nothing, len(none))
    others = candidates(slices[1], WINDOW)
    ends, true = ends_of(slices[1], others), truth(slices[1], others)
    blind = cross_entropy(np.full(len(true), np.log(true.mean())), true)
    both = cross_entropy(correction(networks, mixture.line_features(ends)), true)
    assert both < 0.9 * blind
    # What each half is told by the other is no better than what both tell of pairs that neither has seen.
    assert both - 0.01 < cross_entropy(unseen.prompts, truth(slices[0], pairs)) < 0.95 * blind


def test_unscattered_pairs_are_chosen_without_truth(slices, mixture):
    columns = slices[1]
    scattered = np.add(columns["compton_phantom"].flat, columns["rayleigh_phantom"].flat) > 0

    def share_and_f1(choice):
        pairs = take_pairs(columns, mixture, by_likelihood, choice).pairs
        every = candidates(columns, WINDOW)
        targets = (truth(columns, every) & ~scattered[every.first] & ~scattered[every.second]).sum()
        true = truth(columns, pairs)
        clean = true & ~scattered[pairs.first] & ~scattered[pairs.second]
        return 1 - clean.sum() / true.sum(), 2 * clean.sum() / (len(true) + targets)

    (before, f1_before), (after, f1_after) = share_and_f1(Choice(WINDOW)), share_and_f1(Choice(WINDOW, unscattered=True))
    assert after < 0.75 * before
    assert f1_after > f1_before + 0.005


def test_the_expected_f1_is_nearly_the_best(slices, mixture):
    columns = slices[1]
    least = best_min_score(slices[0], mixture, by_likelihood, Choice(WINDOW))
    targets = truth(columns, candidates(columns, WINDOW)).sum()

    def f1(min_score):
        pairs = take_pairs(columns, mixture, by_likelihood, Choice(WINDOW, min_score=min_score)).pairs
        return 2 * truth(columns, pairs).sum() / (len(pairs.first) + targets)

    assert 0.4 < least < 0.5
    assert f1(least) > max(f1(p) for p in (0.2, 0.35, 0.5, 0.65, 0.8)) - 0.003


def test_the_middle_of_the_activity_is_found_from_lines():
    rng = np.random.default_rng(7)
    angle, along, point = rng.uniform(0, 2 * np.pi, 50), rng.uniform(10, 60, (50, 2)), np.array([12.0, -7.0])
    u = np.column_stack([np.cos(angle), np.sin(angle)])
    p, q = (np.column_stack([point + sign * along[:, [k]] * u, rng.normal(size=50)]) for k, sign in ((0, 1), (1, -1)))
    ends = Ends(p, q, np.zeros(50), np.zeros((50, 2)), np.zeros(50))
    assert np.allclose(nearest_to_lines(ends, rng.random(50)), point)
    # Lines that do not count may lie anywhere; of parallel ones only the distance across is told.
    aside = np.array([5, 0, 0])
    other = Ends(p + aside, q + aside, ends.dt, ends.energy, ends.rate)
    assert np.allclose(nearest_to_lines(joined_ends(ends, other), np.repeat([1.0, 0.0], 50)), point)
    flat = Ends(np.array([[60.0, 3, 0], [60, 5, 0]]), np.array([[-60.0, 3, 0], [-60, 5, 0]]), np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    assert np.allclose(nearest_to_lines(flat, np.ones(2)), [0, 4])


def test_the_middle_of_a_phantom_off_the_axis_is_found():
    config = PetConfig.model_validate({"simulation": {"activity": 500.0, "phantom_offset": [15.0, 10.0]}, "data": {"window": WINDOW, "slice_singles": 4096}})
    assert np.allclose(mixture_of(PetSimulation(config, 3).examples(0, 50), WINDOW).centre, [15, 10], atol=1.0)


def test_the_correction_does_not_know_which_single_comes_first(slices, mixture):
    pairs = candidates(slices[1], WINDOW)
    one, other = (mixture.line_features(ends_of(slices[1], c)) for c in (pairs, Candidates(pairs.second, pairs.first, -pairs.dt)))
    assert np.isclose(one[:, 1:], other[:, 1:], atol=1e-4).all()


def test_few_pairs_are_told_by_tables_better_than_by_an_image(slices):
    from pphysml.io.ragged import slice_rows

    few = mixture_of(slice_rows(slices[0], 0, 4), WINDOW)
    assert few.correction == ()
    pairs = candidates(slices[1], WINDOW)
    ends, true = ends_of(slices[1], pairs), truth(slices[1], pairs)
    assert cross_entropy(few.log_ratio(ends), true) < 0.9 * cross_entropy(few.image_log_ratio(ends), true)
    # Tables of few pairs are too sure of them.
    assert cross_entropy(few.log_ratio(ends), true) < cross_entropy(replace(few, sureness=np.zeros((2, 0))).log_ratio(ends), true) - 0.01


def test_how_many_singles_have_a_partner_is_learnt(slices, mixture):
    true = truth(slices[0], candidates(slices[0], WINDOW)).sum()
    assert np.isclose(mixture.paired, 2 * true / len(slices[0]["time"].flat), rtol=0.03)


def test_features_do_not_know_which_single_comes_first(slices, mixture):
    pairs = candidates(slices[0], WINDOW)
    n = len(slices[0]["time"].flat)
    swapped = Candidates(pairs.second, pairs.first, -pairs.dt)
    one, other = (pair_features(c, ends_of(slices[0], c), mixture, n, len(c.dt)) for c in (pairs, swapped))
    # A point on the border of two voxels may be taken to either.
    assert np.isclose(one.values, other.values, atol=1e-4).mean() > 0.999
    assert np.allclose(one.values, other.values, atol=0.05)


def test_rivals_are_the_other_pairs_of_the_two_singles():
    pairs = Candidates(np.array([0, 0, 1, 3]), np.array([1, 2, 2, 4]), np.zeros(4))
    rivals, best = rivalry(pairs, np.array([3.0, 1.0, -2.0, 5.0]), 5, np.ones(4, dtype=bool))
    assert rivals.tolist() == [2, 2, 2, 0]
    assert best.tolist() == [1.0, 3.0, 3.0, -8.0]
    assert matching_marginals(5, pairs.first, pairs.second, np.array([3.0, 1.0, -2.0, 5.0]))[0].argmax() == 3


def test_random_pairs_are_expected_with_the_square_of_the_rate(mixture, slices):
    pairs = candidates(slices[1], WINDOW)
    ends = ends_of(slices[1], pairs)
    twice = replace(ends, rate=2 * ends.rate)
    assert (ends.rate > 0).all() and ends.rate.mean() == pytest.approx(mixture.rate, rel=0.05)
    assert np.allclose(mixture.log_ratio(ends) - mixture.log_ratio(twice), np.log(2))
    assert np.allclose(mixture.log_ratio(replace(ends, rate=0 * ends.rate)), mixture.log_ratio(replace(ends, rate=0 * ends.rate + mixture.rate)))
